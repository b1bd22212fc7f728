import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { ReloadChange, SetupChange } from "../../src/platform/change.ts";
import { hostProcesses } from "../../src/platform/host-processes.ts";
import type { Processes } from "../../src/platform/processes.ts";
import { namespaceFor, versionDirectory } from "../../src/settings/namespace.ts";
import { revision } from "../../src/settings/revision.ts";
import { planSetupStep, type SetupChoice, type SetupStep } from "../../src/update/setup-step.ts";
import { type Site, startSite } from "../support/site.ts";
import { writeStandIn } from "../support/stand-ins.ts";
import { offlineHost, runningHost, type UpdateHost } from "../support/update-host.ts";
import { updateYaml } from "../support/update-yaml.ts";

let site: Site;
beforeAll(async () => {
  site = await startSite();
});
afterAll(() => site[Symbol.asyncDispose]());

const OFF = { enabled: false, active: false };
const STEP: SetupStep = {
  namespace: namespaceFor("blue", "/srv/teleport"),
  revision: revision("18.1.0", ["Enterprise", "FIPS"]),
  path: "/srv/teleport/blue/bin",
  dataDirectory: "/var/lib/teleport_blue",
  manageTbot: true,
  systemd: { kind: "present", timer: { enabled: true, active: false }, v1: { installed: false, state: OFF } },
};
const CHOICE: SetupChoice = {
  selinuxSsh: false,
  selfSetup: false,
  handOver: false,
  reloads: [],
  debug: false,
  logFormat: "text",
};

const UPDATER = join(versionDirectory(STEP.namespace, STEP.revision), "bin/teleport-update");

/** A host on which the release lies unpacked, as far as setup looks at it. */
async function hostWith(behaviour: "good" | "no-setup", host = runningHost(site)): Promise<UpdateHost> {
  const release = versionDirectory(STEP.namespace, STEP.revision);
  host.write(`${release}/lib/systemd/system/teleport.service`, "[Service]\n");
  host.files.makeDirectory(`${release}/bin`);
  await writeStandIn(join(host.root, UPDATER), { source: "updater", version: "18.1.0", behaviour });
  return host;
}

function plan(host: UpdateHost, choice: Partial<SetupChoice> = {}, step: Partial<SetupStep> = {}) {
  const release = {
    directory: versionDirectory(STEP.namespace, STEP.revision),
    programs: ["teleport", "teleport-update"],
  };
  return planSetupStep(host.world, { ...STEP, ...step }, { ...CHOICE, ...choice }, release);
}

async function childOf(...given: Parameters<typeof plan>): Promise<SetupChange> {
  return (await plan(...given)).find((change) => change.kind === "setup") ?? expect.unreachable();
}

describe("the setup child", () => {
  test("gets the frozen words and the five variables, and no reload", async () => {
    using host = await hostWith("good");
    const { program, arguments: words, environment } = await childOf(host);
    expect(program).toBe(UPDATER);
    expect(words).toEqual([
      ...["--install-dir", "/srv/teleport", "--install-suffix", "blue", "--log-format", "text"],
      ...["setup", "--path", "/srv/teleport/blue/bin"],
    ]);
    expect(environment).toEqual({
      TELEPORT_UPDATE_SETUP_VERSION: "18.1.0",
      TELEPORT_UPDATE_SETUP_FLAGS: "Enterprise\nFIPS",
      TELEPORT_UPDATE_SELINUX_SSH: "false",
      TELEPORT_UPDATE_SELINUX_SSH_ENFORCING: "false",
      TELEPORT_UPDATE_SETUP_TBOT: "true",
    });
  });

  test("masks what it might inherit, also where there is nothing to say", async () => {
    using host = await hostWith("good");
    const { environment } = await childOf(host, {}, { revision: revision("18.1.0"), manageTbot: false });
    expect(environment).toMatchObject({ TELEPORT_UPDATE_SETUP_FLAGS: "", TELEPORT_UPDATE_SETUP_TBOT: "false" });
  });

  test("is told to reload what it takes over, and carries that for a roll back", async () => {
    using host = await hostWith("good");
    const reloads: ReloadChange[] = [
      {
        ...STEP.namespace.teleport,
        kind: "reload",
        socket: "/debug.sock",
        restart: false,
        before: { active: true, pid: 2 },
      },
    ];
    const child = await childOf(host, { reloads });
    expect(child.arguments.at(-1)).toBe("--reload");
    expect(child.reloads).toEqual(reloads);
  });

  test("speaks as we were asked to", async () => {
    using host = await hostWith("good");
    const { arguments: words } = await childOf(host, { debug: true, logFormat: "json" });
    expect(words.slice(4, 8)).toEqual(["--log-format", "json", "--debug", "setup"]);
  });

  test.each([true, false])("[core 7.9 SELinux on and off] is told what was asked: %p", async (selinuxSsh) => {
    using host = await hostWith("good");
    const kept = ["proxy: PROXY", 'path: ""', "enabled: true", "pinned: false", `selinux_ssh: ${!selinuxSsh}`];
    host.write(STEP.namespace.config, updateYaml(kept, ["active:", '    version: ""']));
    expect((await childOf(host, { selinuxSsh })).environment["TELEPORT_UPDATE_SELINUX_SSH"]).toBe(String(selinuxSsh));
  });

  test("can be undone: all that it may touch is known as it was", async () => {
    using host = await hostWith("good");
    const { updaterTimer, teleport, needrestart } = STEP.namespace;
    host.write(updaterTimer, "# old\n", 0o600);
    host.link(needrestart, "/elsewhere");
    const { before, units } = await childOf(host);
    expect(before).toEqual(
      expect.arrayContaining([
        { path: updaterTimer, kind: "file", image: { content: "# old\n", mode: 0o600 } },
        { path: needrestart, kind: "link", target: "/elsewhere" },
        { path: teleport.unitFile, kind: "absent" },
      ]),
    );
    expect(units).toEqual([{ unit: "teleport-update_blue.timer", before: { enabled: true, active: false } }]);
  });
});

describe("our own templates write the units", () => {
  const kindsOf = async (...given: Parameters<typeof plan>) => (await plan(...given)).map(({ kind }) => kind);

  test("with `--self-setup`", async () => {
    using host = await hostWith("good");
    expect(await kindsOf(host, { selfSetup: true })).not.toContain("setup");
  });

  test("when the release's updater does not know the setup step", async () => {
    using host = await hostWith("no-setup");
    expect(await kindsOf(host)).not.toContain("setup");
    expect(host.world.log.lines).toContainEqual(expect.stringContaining(`program:${UPDATER}`));
  });

  test("when the release has no updater", async () => {
    using host = await hostWith("good");
    const changes = await planSetupStep(host.world, STEP, CHOICE, {
      directory: versionDirectory(STEP.namespace, STEP.revision),
      programs: ["teleport"],
    });
    expect(changes.map(({ kind }) => kind)).not.toContain("setup");
    expect(changes).toContainEqual(expect.objectContaining({ kind: "file", path: STEP.namespace.updaterTimer }));
  });

  test("under `--root`, where nothing is run", async () => {
    const processes: Processes = { ...hostProcesses, run: () => expect.unreachable() };
    using host = await hostWith("good", offlineHost(site, { processes }));
    expect(await kindsOf(host, {}, { systemd: { kind: "offline" } })).not.toContain("setup");
  });
});
