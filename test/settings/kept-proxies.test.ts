import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { ProxyEnvironment } from "../../src/platform/connect-proxy.ts";
import { isUpdateError } from "../../src/platform/errors.ts";
import { formatKeptProxies, readKeptProxies } from "../../src/settings/kept-proxies.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { temporaryHost } from "../support/temporary-host.ts";

const namespace = namespaceFor("");
const NONE: ProxyEnvironment = { httpsProxy: "", httpProxy: "", noProxy: "" };

function read(text: string, mode = 0o600) {
  using host = temporaryHost();
  host.write(namespace.proxyEnvironment, text, mode);
  return readKeptProxies(host.files, namespace);
}

const printable = fc.string({ unit: fc.constantFrom(..."ab \"'\\$`#;=%!\u00e4\u{1f511}") });

describe("what is kept", () => {
  test("is nothing without a file", () => {
    using host = temporaryHost();
    expect(readKeptProxies(host.files, namespace)).toBeUndefined();
  });

  test("has names of its own for our updater, and the plain ones for another", () => {
    const proxies = { httpsProxy: "http://u:p@proxy:3128", httpProxy: "", noProxy: ".internal,10.0.0.0/8" };
    const body = (text: string) => text.split("\n").filter((line) => !line.startsWith("#"));
    expect(body(formatKeptProxies(proxies, "ours"))).toEqual([
      'TELEPORT_UPDATE_HTTPS_PROXY="http://u:p@proxy:3128"',
      'TELEPORT_UPDATE_NO_PROXY=".internal,10.0.0.0/8"',
      "",
    ]);
    expect(body(formatKeptProxies(proxies, "another"))).toEqual([
      'HTTPS_PROXY="http://u:p@proxy:3128"',
      'NO_PROXY=".internal,10.0.0.0/8"',
      "",
    ]);
  });

  test("reads back as it was, under either name", () => {
    const proxies = fc.record({ httpsProxy: printable, httpProxy: printable, noProxy: printable });
    fc.assert(
      fc.property(proxies, fc.constantFrom("ours" as const, "another" as const), (given, timerRuns) => {
        expect(read(formatKeptProxies(given, timerRuns))).toEqual(given);
      }),
      { numRuns: 50 },
    );
  });

  test("is read from what somebody wrote by hand", () => {
    expect(read("; mine\n\nHTTPS_PROXY=http://proxy:3128  \nNO_PROXY=\n")).toEqual({
      ...NONE,
      httpsProxy: "http://proxy:3128",
    });
  });

  test.each(["HTTPS_PROXY", "OTHER=x", "HTTPS_PROXY='secret'", 'HTTPS_PROXY="secret', "HTTPS_PROXY=a b", "export A=b"])(
    "is not guessed from %p, and the line is not shown",
    (line) => {
      const error = failureOf(() => read(`# fine\n${line}\n`));
      expect(error).toMatchObject({ code: "E_OPTIONS_READ", hint: expect.stringContaining("--no-proxy-env") });
      expect(error?.message).toMatch(/^line 2 of `\/.+\/opt\/teleport\/default\/proxy.env` is no proxy variable$/);
    },
  );

  test("[threat own-files] is not read from a file that others may write", () => {
    expect(failureOf(() => read("", 0o622))?.code).toBe("E_UNREADABLE_FILE");
  });
});

test.each(["a\nHTTPS_PROXY=b", "a\tb", "a\u0000", "a\u0085", "a\ufdd0", "a\ufffd", "a\ud800"])(
  "no file can hold %j, so it is refused without being shown",
  (noProxy) => {
    const error = failureOf(() => formatKeptProxies({ ...NONE, noProxy }, "ours"));
    expect(error).toMatchObject({
      code: "E_CONNECT_PROXY",
      message: "`NO_PROXY` has a character that no file of variables can hold",
    });
  },
);

function failureOf(action: () => unknown) {
  try {
    action();
  } catch (error) {
    if (isUpdateError(error)) return error;
    throw error;
  }
  return undefined;
}
