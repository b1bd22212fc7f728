import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { advertise } from "../support/proxy-and-cdn.ts";
import { type Site, startSite } from "../support/site.ts";
import { NAMESPACE, offlineHost, type UpdateHost } from "../support/update-host.ts";

setDefaultTimeout(60_000);

let site: Site;
let enrolled: UpdateHost;

beforeAll(async () => {
  site = await startSite();
  for (const version of ["18.0.0", "18.1.0"]) await site.release({ version });
  site.server.find = advertise("18.0.0");
  enrolled = offlineHost(site);
  await enrolled.enroll();
  enrolled.write(NAMESPACE.options, "version: v1\nkind: updater_options\nno_downgrade: true\n");
});
afterAll(async () => {
  enrolled[Symbol.dispose]();
  await site[Symbol.asyncDispose]();
});
beforeEach(() => {
  site.server.find = advertise("18.1.0");
});

const SPOILS: Record<string, (at: string) => void> = {
  "[threat bounded-text] 100 MB": (at) => truncateSync(at, 100_000_000),
  "[threat bounded-text] a comment in another encoding": (at) => append(at, Buffer.from("# caf\xe9\n", "latin1")),
  "[threat bounded-text] a line end that others see": (at) => append(at, "# a\u2028spec: {}\n"),
  "[threat bounded-yaml] a megabyte of brackets": (at) => append(at, `a: ${"[".repeat(1_000_000)}`),
  "[threat bounded-yaml] aliases that multiply": (at) => append(at, "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"),
  "[threat plain-keys] a key twice": (at) => append(at, "kind: update_config\n"),
  "a tag": (at) => append(at, "a: !!js/function b\n"),
  "a merge key": (at) => append(at, "<<: {version: v2}\n"),
  "a second document": (at) => append(at, "---\na: b\n"),
};

test.each(
  Object.entries(SPOILS).flatMap(([name, spoil]) => [
    [`${name} in update.yaml`, NAMESPACE.config, "E_CONFIG_READ", spoil] as const,
    [`${name} in updater.yaml`, NAMESPACE.options, "E_OPTIONS_READ", spoil] as const,
  ]),
)("%s: nothing is lost", async (_name, path, code, spoil) => {
  using host = offlineHost(site);
  cpSync(enrolled.root, host.root, { recursive: true, verbatimSymlinks: true });
  spoil(join(host.root, path));
  const before = withoutHistory(host);
  await expect(host.enroll()).rejects.toMatchObject({ code, message: expect.stringContaining(path) });
  expect(withoutHistory(host)).toEqual(before);
});

test("[threat bounded-text] after such a file is mended, the next release is installed", async () => {
  using host = offlineHost(site);
  cpSync(enrolled.root, host.root, { recursive: true, verbatimSymlinks: true });
  const at = join(host.root, NAMESPACE.config);
  const good = readFileSync(at);
  append(at, Buffer.from([0xff]));
  await expect(host.enroll()).rejects.toMatchObject({ code: "E_CONFIG_READ" });
  writeFileSync(at, good);
  await host.enroll();
  expect(host.files.readLink("/usr/local/bin/teleport")).toBe(`${NAMESPACE.versions}/18.1.0/bin/teleport`);
});

/** The failure itself is noted there. */
function withoutHistory(host: UpdateHost): string[] {
  return host.tree().filter((line) => !line.startsWith(`${NAMESPACE.directory}/history.jsonl `));
}

function append(at: string, content: string | Uint8Array): void {
  writeFileSync(at, content, { flag: "a" });
}
