import { afterAll, beforeAll, expect, test } from "bun:test";
import { unpin } from "../../src/update/unpin.ts";
import { type Site, startSite } from "../support/site.ts";
import { NAMESPACE, offlineHost } from "../support/update-host.ts";
import { updateYaml } from "../support/update-yaml.ts";

let site: Site;
beforeAll(async () => {
  site = await startSite();
});
afterAll(() => site[Symbol.asyncDispose]());

/** With a base URL that other commands refuse: a host can always be let go. */
const spec = (pinned: boolean) => [
  "proxy: PROXY",
  'path: ""',
  "base_url: http://x",
  "enabled: true",
  `pinned: ${pinned}`,
];
const STATUS = ["active:", "    version: 18.0.0", "skip:", "    version: 18.1.0"];

test.each<[string, string | undefined, string | undefined, string]>([
  ["pinned", updateYaml(spec(true), STATUS), updateYaml(spec(false), STATUS), "The version is unpinned."],
  [
    "not pinned",
    `# by hand\n${updateYaml(spec(false), STATUS)}`,
    `# by hand\n${updateYaml(spec(false), STATUS)}`,
    "The version is not pinned.",
  ],
  ["no file", undefined, undefined, "The version is not pinned."],
])("[core 7.3 %s]", async (_, before, after, said) => {
  using host = offlineHost(site);
  if (before !== undefined) host.setConfig(before);
  await unpin(host.world, { namespace: NAMESPACE });
  expect(host.config()).toBe(after);
  expect(host.world.log.lines.at(-1)).toBe(`INFO ${said}`);
  expect(site.takeRequests()).toEqual([]);
});

test("[core 7.3 zero metadata]", async () => {
  using host = offlineHost(site);
  host.setConfig('version: ""\nkind: ""\nspec:\n    pinned: true\n');
  const before = host.tree();
  await expect(unpin(host.world, { namespace: NAMESPACE })).rejects.toMatchObject({ code: "E_CONFIG_READ" });
  expect(host.tree()).toEqual(before);
});
