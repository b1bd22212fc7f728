import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { disable } from "../../src/update/disable.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { type Site, startSite } from "../support/site.ts";
import { NAMESPACE, offlineHost } from "../support/update-host.ts";
import { updateYaml } from "../support/update-yaml.ts";

// For busy machines: each test installs whole releases.
setDefaultTimeout(60_000);

let site: Site;
beforeAll(async () => {
  site = await startSite();
  await site.release({ version: "18.0.0" });
  site.server.find = advertise("18.0.0");
});
afterAll(() => site[Symbol.asyncDispose]());

/** With a base URL that other commands refuse: turning updates off must always be possible. */
const spec = (enabled: boolean) => [
  "proxy: PROXY",
  'path: ""',
  "base_url: http://x",
  `enabled: ${enabled}`,
  "pinned: true",
];
const STATUS = ["active:", "    version: 18.0.0", "skip:", "    version: 18.1.0"];

test.each<[string, string | undefined, string | undefined, string]>([
  ["enabled", updateYaml(spec(true), STATUS), updateYaml(spec(false), STATUS), "Automatic updates disabled."],
  [
    "already disabled",
    `# by hand\n${updateYaml(spec(false), STATUS)}`,
    `# by hand\n${updateYaml(spec(false), STATUS)}`,
    "Automatic updates already disabled.",
  ],
  ["no file", undefined, undefined, "Automatic updates already disabled."],
])("[core 7.2 %s]", async (_, before, after, said) => {
  using host = offlineHost(site);
  if (before !== undefined) host.setConfig(before);
  await disable(host.world, { namespace: NAMESPACE });
  expect(host.config()).toBe(after);
  expect(host.world.log.lines.at(-1)).toBe(`INFO ${said}`);
});

test("[core 7.2 zero metadata]", async () => {
  using host = offlineHost(site);
  host.setConfig('version: ""\nkind: ""\nspec:\n    enabled: true\n');
  const before = host.tree();
  await expect(disable(host.world, { namespace: NAMESPACE })).rejects.toMatchObject({ code: "E_CONFIG_READ" });
  expect(host.tree()).toEqual(before);
});

test("nothing but the one word changes on an enrolled host, and no one is asked", async () => {
  using host = offlineHost(site);
  await host.enroll();
  const before = host.tree();
  site.takeRequests();
  await disable(host.world, { namespace: NAMESPACE });
  expect(site.takeRequests()).toEqual([]);
  expect(host.tree()).toEqual(before.map((line) => line.replace("enabled: true", "enabled: false")));
});
