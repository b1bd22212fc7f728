import { describe, expect, test } from "bun:test";
import { knownRefusedNames, REFUSED_VARIABLES, refusedNames } from "../../src/settings/refused-variables.ts";

describe("refusedNames", () => {
  // Each was seen to act on a compiled executable, or is among those that glibc takes from no privileged caller.
  test.each([
    ...["BUN_OPTIONS", "BUN_BE_BUN", "BUN_BYTECODE_ORDER_OUT", "BUN_JSC_functionOverrides", "BUN_CONFIG_VERBOSE_FETCH"],
    ...["MIMALLOC_VERBOSE", "mimalloc_verbose", "NODE_TLS_REJECT_UNAUTHORIZED", "NODE_EXTRA_CA_CERTS", "NODE_OPTIONS"],
    ...["SSL_CERT_FILE", "SSL_CERT_DIR", "LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH", "LD_TRACE_LOADED_OBJECTS"],
    ...["LD_PROFILE_OUTPUT", "LD_DEBUG_OUTPUT", "GCONV_PATH", "GETCONF_DIR", "GLIBC_TUNABLES", "HOSTALIASES"],
    ...["LOCALDOMAIN", "LOCPATH", "MALLOC_TRACE", "NLSPATH", "RES_OPTIONS", "CARES_HOSTS"],
  ])("[threat refused-variables] %s", (name) => {
    expect(refusedNames([name])).toEqual([name]);
    expect(knownRefusedNames().flat()).toContain(name);
  });

  test.each([
    "PATH",
    "HOME",
    "LANG",
    "TERM",
    "TMPDIR",
    "HTTPS_PROXY",
    "TELEPORT_PROXY",
    "JOURNAL_STREAM",
    "NO_COLOR",
    "BUN",
  ])("not %s", (name) => {
    expect(refusedNames([name])).toEqual([]);
  });

  test("answers in order", () => {
    expect(refusedNames(["SSL_CERT_DIR", "LD_AUDIT", "PATH", "BUN_OPTIONS"])).toEqual([
      "BUN_OPTIONS",
      "LD_AUDIT",
      "SSL_CERT_DIR",
    ]);
  });
});

describe("knownRefusedNames", () => {
  test("[threat unset-environment] has a list for each row, of names that are refused, and none twice", () => {
    const known = knownRefusedNames();
    expect(known).toHaveLength(Object.keys(REFUSED_VARIABLES).length);
    expect(known.filter((names) => names.length === 0)).toEqual([]);
    const names = known.flat();
    expect(refusedNames(names)).toEqual([...names].sort());
    expect(new Set(names).size).toBe(names.length);
  });
});
