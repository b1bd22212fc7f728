import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { fileContexts, TYPE_ENFORCEMENT } from "../../../src/host/selinux/policy.ts";
import { namespaceFor } from "../../../src/settings/namespace.ts";
import { expectGolden } from "../../support/golden.ts";

function labelled(suffix: string, dataDirectory?: string) {
  const { directory, defaultDataDirectory, teleport } = namespaceFor(suffix);
  return { namespaceDirectory: directory, dataDirectory: dataDirectory ?? defaultDataDirectory, ...teleport };
}

const golden = (name: string) => `${import.meta.dir}/../golden/${name}`;

test("the rules", () => expectGolden(golden("teleport_ssh.te"), TYPE_ENFORCEMENT));

test.each([
  ["no suffix", labelled(""), "teleport_ssh.fc"],
  ["suffix", labelled("test"), "teleport_ssh_test.fc"],
])("the file contexts: %s", (_, paths, name) => expectGolden(golden(name), fileContexts(paths)));

describe("a path in the file contexts", () => {
  const dataLine = (path: string) => fileContexts(labelled("", path)).split("\n").at(-3) ?? "";

  test("matches itself and what is below it, and nothing beside it", () => {
    const expression = expressionIn(dataLine("/srv/tele.port+1"));
    expect(expression.test("/srv/tele.port+1")).toBeTrue();
    expect(expression.test("/srv/tele.port+1/proc/sqlite.db")).toBeTrue();
    expect(expression.test("/srv/tele-port+1")).toBeFalse();
    expect(expression.test("/srv/tele.port+12")).toBeFalse();
  });

  test("stays one field in m4's quotes, whatever is in it", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (name) => {
        const line = dataLine(`/srv/${name}`);
        expect(line).toMatch(/^`[^\s`'"#]+'\tgen_context\(system_u:object_r:teleport_ssh_data_t,s0\)$/);
        expect(expressionIn(line).test(`/srv/${name}`)).toBeTrue();
      }),
    );
  });
});

/** Anchored, as the labelling programs read it; for the signs used here the two dialects agree. */
function expressionIn(line: string): RegExp {
  return new RegExp(`^${line.slice(1, line.indexOf("'"))}$`, "s");
}
