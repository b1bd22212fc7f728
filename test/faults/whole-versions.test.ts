import { afterAll, beforeAll, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Site, startSite } from "../support/site.ts";
import { NAMESPACE, offlineHost } from "../support/update-host.ts";
import { damagedVersions } from "./whole-versions.ts";

let site: Site;
beforeAll(async () => {
  site = await startSite();
  await site.release({ version: "18.1.0" });
});
afterAll(() => site[Symbol.asyncDispose]());

test("a version whose files are not as they were installed is found, one that is whole is not", async () => {
  using host = offlineHost(site);
  await host.enroll({ forceVersion: "18.1.0" });
  expect(await damagedVersions(host.root)).toEqual([]);
  const bin = join(host.root, NAMESPACE.versions, "18.1.0/bin");
  writeFileSync(join(bin, "tsh"), "another");
  rmSync(join(bin, "tctl"));
  expect(await damagedVersions(host.root)).toEqual([
    "18.1.0: `bin/tctl` is missing",
    expect.stringContaining("18.1.0: `bin/tsh` was changed"),
  ]);
});
