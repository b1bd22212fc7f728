import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type UpdateRequest, update } from "../../src/update/update.ts";
import { HOST_ARCHITECTURE } from "../support/elf-patch.ts";
import { advertise, type FindBody } from "../support/proxy-and-cdn.ts";
import { type Site, startSite } from "../support/site.ts";
import { NAMESPACE, runningHost, servingHost, type UpdateHost } from "../support/update-host.ts";
import { updateYaml } from "../support/update-yaml.ts";

// For busy machines: each test installs whole releases.
setDefaultTimeout(60_000);

let site: Site;
beforeAll(async () => {
  site = await startSite();
  for (const version of ["18.0.0", "18.1.0"]) await site.release({ version });
});
afterAll(() => site[Symbol.asyncDispose]());

const REQUEST: UpdateRequest = {
  namespace: NAMESPACE,
  isNow: false,
  selfSetup: false,
  insecure: false,
  debug: false,
  logFormat: "text",
  temporaryDirectory: "/tmp",
};

const FIND = "/webapi/find?group=default";
const ARCHIVE = `/teleport-v18.1.0-linux-${HOST_ARCHITECTURE}-bin.tar.gz`;
const ID_FILE = "id_file: /tmp/teleport-update.id";
const SPEC = ["proxy: PROXY", "path: /usr/local/bin", "base_url: https://PROXY", "enabled: true", "pinned: false"];
const without = (key: string, ...more: string[]) => [...SPEC.filter((line) => !line.startsWith(`${key}:`)), ...more];
const versions = (active: string, more: Record<string, string> = {}) =>
  Object.entries({ active, ...more }).flatMap(([key, version]) => [`${key}:`, `    version: ${version}`]);
const attempt = (success: boolean) => [
  ...["last_update:", `    success: ${success}`, "    time: NOW"],
  ...["    target:", "        version: 18.1.0"],
];
const configOf = (host: UpdateHost) => host.config()?.replace(/time: 2.*/, "time: NOW");

async function run(
  host: UpdateHost,
  find: FindBody,
  request: Partial<UpdateRequest> = {},
): Promise<string | undefined> {
  site.server.find = find;
  site.takeRequests();
  return update(host.world, { ...REQUEST, ...request }).then(
    () => undefined,
    (failure) => failure.code,
  );
}

interface Row {
  config?: string;
  find?: FindBody;
  isNow?: boolean;
  code?: string;
  requests: string[];
}

const IN_WINDOW = advertise("18.1.0");
const CONFIG = updateYaml(SPEC, versions("18.0.0", { backup: "17.0.0" }));
const DISABLED = updateYaml(without("enabled", "enabled: false"), versions("18.0.0"));

test.each<[string, Row]>([
  ["[core 7.4 disabled during window]", { config: DISABLED, requests: [] }],
  [
    "[core 7.4 disabled outside window]",
    { config: DISABLED, find: advertise("18.1.0", { inWindow: false }), requests: [] },
  ],
  ["disabled, with --now", { config: DISABLED, isNow: true, requests: [] }],
  ["[core 7.4 config missing]", { requests: [] }],
  [
    "[core 7.4 missing path during window]",
    { config: updateYaml(without("path", 'path: ""'), versions("18.0.0")), code: "E_CONFIG_READ", requests: [] },
  ],
  [
    "[core 7.4 insecure URL]",
    {
      config: updateYaml(without("base_url", "base_url: http://mirror.test"), versions("18.0.0")),
      code: "E_BASE_URL",
      requests: [],
    },
  ],
  ["[core 7.4 invalid metadata]", { config: 'version: ""\nkind: ""\n', code: "E_CONFIG_READ", requests: [] }],
  [
    "[core 7.4 enabled outside window]",
    { config: CONFIG, find: advertise("18.1.0", { inWindow: false }), requests: [FIND] },
  ],
  ["[core 7.4 already installed in window]", { config: CONFIG, find: advertise("18.0.0"), requests: [FIND] }],
  [
    "[core 7.4 backup kept when no change]",
    { config: CONFIG, find: advertise("18.0.0"), isNow: true, requests: [FIND] },
  ],
  [
    "[core 7.4 skip version]",
    { config: updateYaml(SPEC, versions("18.0.0", { skip: "18.1.0" })), isNow: true, requests: [FIND] },
  ],
  [
    "[core 7.4 pinned]",
    { config: updateYaml(without("pinned", "pinned: true"), versions("18.0.0")), isNow: true, requests: [FIND] },
  ],
  ["no version in the window", { config: CONFIG, find: advertise(""), code: "E_NO_TARGET", requests: [FIND] }],
])("%s: nothing on the host changes", async (_, { config, find = IN_WINDOW, isNow = false, code, requests }) => {
  using host = runningHost(site);
  if (config !== undefined) host.setConfig(config);
  host.write(`${NAMESPACE.versions}/17.0.0/sha256`, "");
  const before = host.tree();
  expect(await run(host, find, { isNow })).toBe(code);
  expect(host.tree()).toEqual(before);
  expect(site.takeRequests()).toEqual(requests);
  expect(host.systemctl()).toEqual([]);
});

describe("a move", () => {
  test.each([
    ["[core 7.4 enabled during window]", true, false],
    ["[core 7.4 enabled now]", false, true],
  ])("%s", async (_, inWindow, isNow) => {
    using host = await servingHost(site, { group: "blue" });
    for (const version of ["1.0.0", "17.0.0"]) host.write(`${NAMESPACE.versions}/${version}/sha256`, "");
    expect(await run(host, advertise("18.1.0", { inWindow }), { isNow })).toBeUndefined();
    expect(site.takeRequests()).toEqual(["/webapi/find?group=blue", `${ARCHIVE}.sha256`, ARCHIVE]);
    expect(host.files.list(NAMESPACE.versions)).toEqual(["18.0.0", "18.1.0"]);
    expect(host.files.readLink("/usr/local/bin/teleport")).toBe(`${NAMESPACE.versions}/18.1.0/bin/teleport`);
    expect(host.systemctl().slice(-2)).toEqual(["reload teleport.service", "try-restart tbot.service"]);
    expect(configOf(host)).toEndWith(
      updateYaml([], [ID_FILE, ...attempt(true), ...versions("18.1.0", { backup: "18.0.0" })]).slice(
        "version: v1\nkind: update_config\nspec:\n".length,
      ),
    );
  });

  test("[core 7.4 backup is linked] keeps a backup that somebody still uses", async () => {
    using host = await servingHost(site);
    host.setConfig(updateYaml(SPEC, versions("18.0.0", { backup: "17.0.0" })));
    for (const version of ["1.0.0", "17.0.0"]) host.write(`${NAMESPACE.versions}/${version}/bin/old-tool`, "", 0o755);
    host.link("/usr/local/bin/old-tool", `${NAMESPACE.versions}/17.0.0/bin/old-tool`);
    expect(await run(host, IN_WINDOW)).toBeUndefined();
    expect(host.files.list(NAMESPACE.versions)).toEqual(["17.0.0", "18.0.0", "18.1.0"]);
    expect(configOf(host)).toBe(
      updateYaml(SPEC, [ID_FILE, ...attempt(true), ...versions("18.1.0", { backup: "18.0.0" })]),
    );
  });

  test("[core 7.4 version detects as linked] goes on to a version whose links are there already", async () => {
    using host = await servingHost(site, { forceVersion: "18.1.0" });
    host.setConfig(updateYaml(SPEC, versions("18.0.0")));
    expect(await run(host, IN_WINDOW)).toBeUndefined();
    expect(site.takeRequests()).toEqual([FIND, `${ARCHIVE}.sha256`]);
    expect(host.systemctl().slice(-2)).toEqual(["reload teleport.service", "try-restart tbot.service"]);
    expect(configOf(host)).toContain("    active:\n        version: 18.1.0\n    backup:\n        version: 18.0.0\n");
  });

  test("[core 7.4 version detects as linked] but does not replace such a version by another archive of it", async () => {
    using host = await servingHost(site, { forceVersion: "18.1.0" });
    host.setConfig(updateYaml(SPEC, versions("18.0.0")));
    host.write(`${NAMESPACE.versions}/18.1.0/sha256`, "a".repeat(64));
    expect(await run(host, IN_WINDOW)).toBe("E_STILL_LINKED");
    expect(host.read(`${NAMESPACE.versions}/18.1.0/sha256`)).toBe("a".repeat(64));
  });
});

describe("a move that fails is written down, and changes nothing else", () => {
  const failing = async (host: UpdateHost, find: FindBody) => {
    const before = host.tree().filter((line) => !line.startsWith(`${NAMESPACE.config} `));
    const code = await run(host, find);
    expect(host.tree().filter((line) => !line.startsWith(`${NAMESPACE.config} `))).toEqual(before);
    return code;
  };

  test("[core 7.4 install error] of the default CDN: the version is not blamed", async () => {
    using host = runningHost(site);
    host.setConfig(updateYaml(without("base_url"), versions('""')));
    site.server.respond(ARCHIVE, () => new Response(null, { status: 404 }));
    expect(await failing(host, IN_WINDOW)).toBe("E_DOWNLOAD");
    site.server.respond(ARCHIVE, undefined);
    expect(site.takeRequests()).toEqual([FIND, `cdn.teleport.dev${ARCHIVE}.sha256`, `cdn.teleport.dev${ARCHIVE}`]);
    expect(configOf(host)).toBe(updateYaml(without("base_url"), [ID_FILE, ...attempt(false), ...versions('""')]));
  });

  test("[core 7.4 agpl requires base URL]", async () => {
    using host = runningHost(site);
    host.setConfig(updateYaml(without("base_url"), versions("18.0.0", { backup: "17.0.0" })));
    host.write(`${NAMESPACE.versions}/17.0.0/sha256`, "");
    expect(await failing(host, advertise("18.1.0", { edition: "oss" }))).toBe("E_BASE_URL");
    expect(site.takeRequests()).toEqual([FIND]);
    expect(configOf(host)).toBe(
      updateYaml(without("base_url"), [ID_FILE, ...attempt(false), ...versions("18.0.0", { backup: "17.0.0" })]),
    );
  });
});

test("where nobody is enrolled, it says how to enroll", async () => {
  using host = runningHost(site);
  await host.update();
  expect(host.world.log.lines.at(-1)).toBe(
    "INFO Automatic updates are disabled. command:teleport-update enable --proxy ADDRESS",
  );
  host.setConfig(updateYaml(["proxy: PROXY", "enabled: false"], ["active:", '    version: ""']));
  await host.update();
  expect(host.world.log.lines.at(-1)).toBe("INFO Automatic updates are disabled. command:teleport-update enable");
});

test.each<[string, string[], Record<string, string>, FindBody, string]>([
  ["pinned", without("pinned", "pinned: true"), {}, IN_WINDOW, "unpin"],
  ["marked broken", SPEC, { skip: "18.1.0" }, IN_WINDOW, "enable"],
  ["marked broken", SPEC, { skip: "18.1.0" }, advertise("18.1.0", { inWindow: false }), "enable"],
])("a host that stays behind, %s, hears of the way out", async (_, spec, status, find, command) => {
  using host = runningHost(site);
  host.setConfig(updateYaml(spec, versions("18.0.0", status)));
  await run(host, find);
  expect(host.world.log.lines.at(-1)).toEndWith(` command:teleport-update ${command}`);
});
