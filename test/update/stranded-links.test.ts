import { expect, test } from "bun:test";
import type { LinkChange } from "../../src/platform/change.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { planStranded } from "../../src/update/stranded-links.ts";
import { temporaryHost } from "../support/temporary-host.ts";

const NAMESPACE = namespaceFor("");
const [OLD, NEW] = ["18.0.0", "18.1.0"].map((version) => `${NAMESPACE.versions}/${version}/bin`);
const PACKAGE = "/opt/teleport/system/bin";

/** A run that was interrupted when all of its links were placed; what `befores` lead into is there as far as it is in `present`. */
function interrupted(befores: Record<string, string>, present: readonly string[]) {
  const host = temporaryHost();
  for (const name of Object.keys(befores)) host.write(`${NEW}/${name}`, "new");
  for (const path of present) host.write(path, "old");
  const changes = Object.entries(befores).map(
    ([name, folder]): LinkChange => ({
      kind: "link",
      path: `/usr/local/bin/${name}`,
      before: `${folder}/${name}`,
      after: `${NEW}/${name}`,
    }),
  );
  for (const { path, after } of changes) host.link(path, after ?? "");
  return { host, plan: planStranded(host.files, NAMESPACE, changes) };
}

test("what is stranded follows the links that go back, where their release has the program", () => {
  const befores = { teleport: OLD ?? "", tbot: PACKAGE, tsh: PACKAGE };
  const { host, plan } = interrupted(befores, [`${OLD}/teleport`, `${OLD}/tbot`]);
  using _ = host;
  expect(plan.stranded.map(({ path }) => path).sort()).toEqual(["/usr/local/bin/tbot", "/usr/local/bin/tsh"]);
  expect([plan.staysAt, [...plan.forward], [...plan.back]]).toEqual([
    undefined,
    [],
    [["/usr/local/bin/tbot", `${OLD}/tbot`]],
  ]);
});

test("where nothing is left of the old release, the host stays at the new one", () => {
  const { host, plan } = interrupted({ teleport: PACKAGE, tbot: PACKAGE }, []);
  using _ = host;
  expect(plan.stranded).toHaveLength(2);
  expect(plan.staysAt).toBe(`${NAMESPACE.versions}/18.1.0`);
  expect([...plan.forward.values()].sort()).toEqual([`${NEW}/tbot`, `${NEW}/teleport`]);
  expect([...plan.back]).toEqual([]);
});

test("where all is there, nothing is planned", () => {
  const { host, plan } = interrupted({ teleport: OLD ?? "" }, [`${OLD}/teleport`]);
  using _ = host;
  expect(plan).toEqual({ stranded: [], staysAt: undefined, forward: new Map(), back: new Map() });
});
