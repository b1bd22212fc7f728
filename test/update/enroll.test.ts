import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { EnrollRequest } from "../../src/update/enroll.ts";
import { HOST_ARCHITECTURE } from "../support/elf-patch.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { type Site, startSite } from "../support/site.ts";
import { NAMESPACE, offlineHost, runningHost, servingHost, type UpdateHost } from "../support/update-host.ts";
import { updateYaml } from "../support/update-yaml.ts";

// For busy machines: each test installs whole releases.
setDefaultTimeout(60_000);

let site: Site;
beforeAll(async () => {
  site = await startSite();
  await Promise.all([
    site.release({ version: "18.0.0" }),
    site.release({ version: "18.1.0" }),
    site.release({ version: "18.2.0" }),
    site.release({ version: "18.1.0", flags: ["Enterprise", "FIPS"] }),
  ]);
});
afterAll(() => site[Symbol.asyncDispose]());
beforeEach(() => {
  site.server.find = advertise("18.1.0");
  site.takeRequests();
});

/** The settings of the file and the default place, not those of the command line. */
const NOTHING_GIVEN: Partial<EnrollRequest> = { proxy: "", baseUrl: "" };
const ID_FILE = "id_file: /tmp/teleport-update.id";
const FIND = "/webapi/find?group=default";
const COMMUNITY = archive("teleport-v18.1.0-linux-ARCH-bin.tar.gz");

function archive(name: string, place = ""): string {
  return `${place}/${name.replace("ARCH", HOST_ARCHITECTURE)}`;
}

/** What a host asks that has nothing of a release yet. */
function downloads(name: string, place = ""): string[] {
  return [`${archive(name, place)}.sha256`, archive(name, place)];
}

const reloadsOf = (host: UpdateHost) => host.systemctl().filter((line) => /^(reload|try-restart) /.test(line));

interface Row {
  request: Partial<EnrollRequest>;
  before?: string;
  after: string;
  requests: string[];
}

const FILE_SPEC = ["proxy: PROXY", "path: /path", "group: group", "base_url: https://mirror.test"];
const OLD = ["active:", "    version: old-version"];

const INSTALLED: Record<string, Row> = {
  "config from file": {
    request: NOTHING_GIVEN,
    before: updateYaml([...FILE_SPEC, "enabled: false", "pinned: false"], OLD),
    after: updateYaml(
      [...FILE_SPEC, "enabled: true", "pinned: false"],
      [ID_FILE, "active:", "    version: 18.1.0", "backup:", "    version: old-version"],
    ),
    requests: ["/webapi/find?group=group", ...downloads("teleport-v18.1.0-linux-ARCH-bin.tar.gz", "mirror.test")],
  },
  "config from user": {
    request: {
      proxy: "",
      group: "new-group",
      baseUrl: "https://cdn.teleport.dev",
      path: "/new/path",
      forceVersion: "v18.2.0",
    },
    before: updateYaml([...FILE_SPEC, "enabled: false", "pinned: true"], OLD),
    after: updateYaml(
      [
        "proxy: PROXY",
        "path: /new/path",
        "group: new-group",
        "base_url: https://cdn.teleport.dev",
        "enabled: true",
        "pinned: true",
      ],
      [ID_FILE, "active:", "    version: 18.2.0", "backup:", "    version: old-version"],
    ),
    requests: [
      "/webapi/find?group=new-group",
      ...downloads("teleport-v18.2.0-linux-ARCH-bin.tar.gz", "cdn.teleport.dev"),
    ],
  },
  defaults: {
    request: { command: "pin", baseUrl: "" },
    before: updateYaml(['proxy: ""', 'path: ""', "enabled: false", "pinned: false"], OLD),
    after: updateYaml(
      ["proxy: PROXY", "path: /usr/local/bin", "enabled: false", "pinned: true"],
      [ID_FILE, "active:", "    version: 18.1.0", "backup:", "    version: old-version"],
    ),
    requests: [FIND, ...downloads("teleport-v18.1.0-linux-ARCH-bin.tar.gz", "cdn.teleport.dev")],
  },
  "`default` clears": {
    request: { ...NOTHING_GIVEN, group: "default", baseUrl: "default" },
    before: updateYaml([...FILE_SPEC, "enabled: true", "pinned: false"], OLD),
    after: updateYaml(
      ["proxy: PROXY", "path: /path", "enabled: true", "pinned: false"],
      [ID_FILE, "active:", "    version: 18.1.0", "backup:", "    version: old-version"],
    ),
    requests: [FIND, ...downloads("teleport-v18.1.0-linux-ARCH-bin.tar.gz", "cdn.teleport.dev")],
  },
  "override skip": {
    request: {},
    before: updateYaml(
      ["proxy: PROXY", "path: /usr/local/bin", "enabled: true", "pinned: false"],
      [...OLD, "skip:", "    version: 18.1.0"],
    ),
    after: updateYaml(
      ["proxy: PROXY", "path: /usr/local/bin", "base_url: https://PROXY", "enabled: true", "pinned: false"],
      [ID_FILE, "active:", "    version: 18.1.0", "backup:", "    version: old-version"],
    ),
    requests: [FIND, ...downloads("teleport-v18.1.0-linux-ARCH-bin.tar.gz")],
  },
  "another skip stays": {
    request: {},
    before: updateYaml(
      ["proxy: PROXY", "path: /usr/local/bin", "enabled: true", "pinned: false"],
      [...OLD, "skip:", "    version: 18.0.9"],
    ),
    after: updateYaml(
      ["proxy: PROXY", "path: /usr/local/bin", "base_url: https://PROXY", "enabled: true", "pinned: false"],
      [
        ID_FILE,
        "active:",
        "    version: 18.1.0",
        "backup:",
        "    version: old-version",
        "skip:",
        "    version: 18.0.9",
      ],
    ),
    requests: [FIND, ...downloads("teleport-v18.1.0-linux-ARCH-bin.tar.gz")],
  },
  "config does not exist": {
    request: {},
    after: updateYaml(
      ["proxy: PROXY", "path: /usr/local/bin", "base_url: https://PROXY", "enabled: true", "pinned: false"],
      [ID_FILE, "active:", "    version: 18.1.0"],
    ),
    requests: [FIND, ...downloads("teleport-v18.1.0-linux-ARCH-bin.tar.gz")],
  },
};

describe("enable and pin install", () => {
  test.each(["config from file", "config from user", "defaults", "override skip", "config does not exist"])(
    "[core 7.7 %s]",
    (title) => shows(title),
  );
  test.each(["`default` clears", "another skip stays"])("%s", (title) => shows(title));

  async function shows(title: string): Promise<void> {
    const row = INSTALLED[title] ?? expect.unreachable();
    using host = runningHost(site);
    if (row.before !== undefined) host.setConfig(row.before);
    await host.enroll(row.request);
    expect(host.config()).toBe(row.after);
    expect(site.takeRequests()).toEqual(row.requests);

    const path = /path: (.*)/.exec(row.after)?.[1];
    const version = /active:\n +version: (.*)/.exec(row.after)?.[1];
    expect(host.files.readLink(`${path}/teleport`)).toBe(`${NAMESPACE.versions}/${version}/bin/teleport`);
    expect(host.read(NAMESPACE.updaterUnit)).toContain(`ExecStart=${path}/teleport-update `);
    expect(host.systemctl()).toContain("enable teleport-update.timer --now");
    const said = host.world.log.lines.some((line) => line.startsWith("WARN The target was marked broken before"));
    expect(said).toBe(title === "override skip");
  }

  test("[core 7.7 FIPS and Enterprise] of the default CDN", async () => {
    using host = offlineHost(site);
    site.server.find = advertise("18.1.0", { edition: "ent", fips: true });
    await host.enroll({ baseUrl: "" });
    expect(host.config()).toEndWith("    active:\n        version: 18.1.0\n        flags: [Enterprise, FIPS]\n");
    expect(site.takeRequests().slice(1)).toEqual(
      downloads("teleport-ent-v18.1.0-linux-ARCH-fips-bin.tar.gz", "cdn.teleport.dev"),
    );
    expect(host.files.readLink("/usr/local/bin/tsh")).toBe(`${NAMESPACE.versions}/18.1.0_ent_fips/bin/tsh`);
    expect(host.read(NAMESPACE.teleport.unitFile)).toContain("# teleport-update 18.1.0_ent_fips\n");
    expect(host.read(NAMESPACE.teleport.unitFile)).toContain("teleport start --fips --config");
  });

  test.each([
    ["[core 7.7 SELinux from user]", [], true],
    ["[core 7.7 SELinux from file]", ["selinux_ssh: true"], undefined],
  ])("%s: setup is told, and it is kept", async (_, kept, selinuxSsh) => {
    using host = runningHost(site);
    host.setConfig(
      updateYaml(["proxy: PROXY", "path: /usr/local/bin", "enabled: true", "pinned: false", ...kept], OLD),
    );
    await host.enroll({ selinuxSsh });
    const call = JSON.parse(host.read(`${NAMESPACE.directory}/setup-calls.jsonl`));
    expect(call.environment).toMatchObject({
      TELEPORT_UPDATE_SELINUX_SSH: "true",
      TELEPORT_UPDATE_SELINUX_SSH_ENFORCING: "false",
    });
    expect(host.config()).toContain("    pinned: false\n    selinux_ssh: true\nstatus:\n");
  });
});

describe("services", () => {
  test("[core 7.7 config from file] are reloaded once everything is in place, the agent first", async () => {
    using host = await servingHost(site);
    site.takeRequests();
    await host.enroll();
    expect(host.systemctl().slice(-2)).toEqual(["reload teleport.service", "try-restart tbot.service"]);
  });

  test("[core 7.7 not started or enabled] are left alone, and told about", async () => {
    using host = runningHost(site);
    await host.enroll();
    expect(reloadsOf(host)).toEqual([]);
    expect(host.world.log.lines).toContain(
      "WARN Teleport is installed, but neither enabled nor running. unit:teleport.service command:systemctl enable --now teleport.service",
    );
  });

  test("[core 7.7 no need to reload] one that does not run is left alone beside one that does", async () => {
    using host = await servingHost(site);
    site.takeRequests();
    host.files.removeFile("/run/units/teleport.service.active");
    await host.enroll();
    expect(reloadsOf(host)).toEqual(["try-restart tbot.service"]);
  });

  test("[core 7.7 version already installed] are not reloaded: the host is only looked over", async () => {
    using host = await servingHost(site);
    site.takeRequests();
    const before = host.config();
    host.files.removeFile("/usr/local/bin/tsh");
    await host.enroll({ forceVersion: "18.0.0" });
    expect(reloadsOf(host)).toEqual([]);
    expect(site.takeRequests()).toEqual([FIND, `${COMMUNITY.replace("18.1.0", "18.0.0")}.sha256`]);
    expect(host.files.readLink("/usr/local/bin/tsh")).toBe(`${NAMESPACE.versions}/18.0.0/bin/tsh`);
    expect(host.config()).toBe(before);
  });
});

describe("the backup", () => {
  const SPEC = ["proxy: PROXY", "path: /usr/local/bin", "base_url: https://PROXY", "enabled: true", "pinned: false"];
  const STATUS = ["active:", "    version: 18.0.0", "backup:", "    version: 17.0.0"];
  const backup = `${NAMESPACE.versions}/17.0.0`;

  test("[core 7.7 backup removed on install] before the new release needs its place", async () => {
    using host = offlineHost(site);
    host.setConfig(updateYaml(SPEC, STATUS));
    host.write(`${backup}/sha256`, "0");
    site.server.respond(COMMUNITY, () => new Response("damaged"));
    await expect(host.enroll()).rejects.toMatchObject({ code: "E_CHECKSUM" });
    expect(host.files.stat(backup)).toBeUndefined();
    site.server.respond(COMMUNITY, undefined);
    await host.enroll();
    expect(host.config()).toEndWith("    backup:\n        version: 18.0.0\n");
  });

  test("[core 7.7 backup kept for validation] when the target is active already", async () => {
    using host = offlineHost(site);
    host.setConfig(updateYaml(SPEC, STATUS));
    host.write(`${backup}/sha256`, "0");
    await host.enroll({ forceVersion: "18.0.0" });
    expect(host.files.stat(backup)?.kind).toBe("directory");
    expect(host.config()).toBe(updateYaml(SPEC, [ID_FILE, ...STATUS]));
  });
});
