import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { cpSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Namespace, namespaceFor } from "../../src/settings/namespace.ts";
import type { EnrollRequest } from "../../src/update/enroll.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { offlineHost, runningHost, servingHost, type UpdateHost } from "../support/update-host.ts";
import {
  configPathOf,
  dropInEnvironment,
  type Hello,
  helloFrom,
  isManaged,
  isManagedFor17,
  resolves,
  stableExecutable,
} from "./agent-reader.ts";
import { type InteropSite, startInteropSite, takenHost } from "./taken-host.ts";
import { upstreamInstaller } from "./upstream-installer.ts";

/** What others find on a host of ours: the agent that runs there, and upstream's updater when the host goes back to it. */

let site: InteropSite;
beforeAll(async () => {
  site = await startInteropSite();
});
afterAll(() => site[Symbol.asyncDispose]());
beforeEach(() => {
  site.server.find = advertise("18.1.0");
});

interface Left {
  request: Partial<EnrollRequest>;
  edition?: { edition: string; fips: boolean };
  installDirectory?: string;
  /** What follows from it. */
  path: string;
  revision: string;
  hello: Omit<Hello, "path">;
}

const ID_FILE = "/tmp/teleport-update.id";
const PLAIN: Left = {
  request: {},
  path: "/usr/local/bin",
  revision: "18.1.0",
  hello: { group: "default", status: "OK", idFile: ID_FILE },
};
const LEFT: Record<string, Left> = {
  "`enable`": PLAIN,
  "`pin --group`": {
    ...PLAIN,
    request: { command: "pin", group: "night" },
    hello: { group: "night", status: "DISABLED", idFile: ID_FILE },
  },
  "Enterprise with FIPS": {
    ...PLAIN,
    request: { baseUrl: "" },
    edition: { edition: "ent", fips: true },
    revision: "18.1.0_ent_fips",
  },
  "`--path`": { ...PLAIN, request: { path: "/srv/links" }, path: "/srv/links" },
  "`--install-dir`": { ...PLAIN, installDirectory: "/srv/install dir" },
  "`--install-suffix`": {
    ...PLAIN,
    request: { namespace: namespaceFor("blue") },
    path: "/opt/teleport/blue/bin",
    hello: { ...PLAIN.hello, idFile: "/tmp/teleport-update_blue.id" },
  },
};

describe.each(Object.keys(LEFT))("the agent on a host that %s left", (title) => {
  const left = LEFT[title] ?? PLAIN;
  const namespace = left.request.namespace ?? namespaceFor("", left.installDirectory);
  let host: UpdateHost;
  beforeAll(async () => {
    host = offlineHost(site);
    site.server.find = advertise("18.1.0", left.edition);
    await host.enroll({ ...left.request, namespace });
  });
  afterAll(() => host[Symbol.dispose]());

  /** Where the kernel finds the program that the unit starts. */
  const executable = () => resolves(host.root, join(left.path, "teleport")) ?? "";
  const environment = () => dropInEnvironment(host.read(namespace.teleportDropIn));

  test("runs from a version directory, and finds its settings with or without its environment", () => {
    expect(host.read(namespace.teleport.unitFile)).toContain(`\nExecStart=${left.path}/teleport start `);
    expect(executable()).toBe(`${namespace.versions}/${left.revision}/bin/teleport`);
    expect(configPathOf(executable())).toBe(namespace.config);
    expect(configPathOf(executable(), environment())).toBe(namespace.config);
    expect(environment()["TELEPORT_UPDATE_INSTALL_DIR"]).toBe(namespace.installDirectory);
  });

  test("knows that it is managed, and so did 17.x", () => {
    expect(isManaged(host.root, executable())).toBeTrue();
    expect(isManagedFor17(executable(), environment())).toBeTrue();
  });

  test("tells its cluster group, state and where its id lies", () => {
    expect(helloFrom(host.root, namespace.config)).toEqual({ ...left.hello, path: left.path });
  });

  test("[inst 8.13 managed, in the path]: names programs by links that outlive an update", () => {
    for (const name of ["teleport", "tbot"]) {
      const program = `${namespace.versions}/${left.revision}/bin/${name}`;
      expect(stableExecutable(host.root, program)).toEqual({ path: join(left.path, name), isStable: true });
    }
  });

  test("every unit begins with the marker of the revision; the version holds a bare checksum", () => {
    const { teleport, tbot, updaterUnit, updaterTimer, teleportDropIn, v1DropIn } = namespace;
    const marker = Buffer.from(`# teleport-update ${left.revision}\n`);
    for (const path of [
      teleport.unitFile,
      tbot.unitFile,
      updaterUnit,
      updaterTimer,
      teleportDropIn,
      v1DropIn ?? updaterUnit,
    ]) {
      expect(readFileSync(join(host.root, path)).subarray(0, marker.length)).toEqual(marker);
    }
    expect(host.read(`${namespace.versions}/${left.revision}/sha256`)).toMatch(/^[0-9a-f]{64}$/);
  });

  test("upstream's updater reads the list of versions, and finds the one that is linked", () => {
    const upstream = upstreamInstaller(host.root, placeOf(namespace, left.path));
    expect(upstream.list()).toEqual([left.revision]);
    expect(upstream.isLinked(left.revision)).toBeTrue();
  });
});

test("[inst 8.13 managed, broken or missing] [inst 8.13 no configuration]: where our links or settings are gone, the agent says so", async () => {
  using host = offlineHost(site);
  await host.enroll();
  const program = "/opt/teleport/default/versions/18.1.0/bin/teleport";
  host.files.placeLink("/usr/local/bin/teleport", "/nowhere");
  expect(stableExecutable(host.root, program)).toEqual({ path: program, isStable: false });
  host.files.removeFile("/usr/local/bin/teleport");
  expect(stableExecutable(host.root, program)).toEqual({ path: program, isStable: false });
  host.files.removeFile("/opt/teleport/default/update.yaml");
  expect(stableExecutable(host.root, program)).toEqual({ path: program, isStable: true });
});

describe("`update.yaml` is complete whenever a service is started", () => {
  /** What an agent would read at each call of systemd that may start or reload one. */
  function hellosOf(host: UpdateHost): Hello[] {
    const hellos: Hello[] = [];
    const { run } = host.world.processes;
    host.world.processes = {
      ...host.world.processes,
      run(argv, options) {
        const starts = ["--now", "reload", "try-restart"].some((word) => argv.includes(word));
        if (starts) hellos.push(helloFrom(host.root, namespaceFor("").config));
        return run(argv, options);
      },
    };
    return hellos;
  }
  const hello: Hello = { group: "night", status: "OK", idFile: ID_FILE, path: "/usr/local/bin" };

  test("at the first enrolment, which starts the timer", async () => {
    using host = runningHost(site);
    const hellos = hellosOf(host);
    await host.enroll({ group: "night", selfSetup: true });
    expect(hellos).toEqual([hello]);
  });

  test("at a later one, which reloads the agent and restarts the bot", async () => {
    using host = await servingHost(site, { selfSetup: true });
    const hellos = hellosOf(host);
    await host.enroll({ group: "night", selfSetup: true });
    expect(hellos).toEqual([hello, hello]);
  });
});

test("upstream can read the list of versions at every moment of an installation", async () => {
  const namespace = namespaceFor("");
  using host = await takenHost(site, "history");
  const upstream = upstreamInstaller(host.root, placeOf(namespace, "/usr/local/bin"));
  const lists = new Set<string>();
  const look = () => lists.add(upstream.list().join(" "));
  // The updater tells each change before it makes it.
  host.world.log.debug = look;
  site.server.find = advertise("18.3.0");
  await host.enroll({ proxy: "", baseUrl: "" });
  look();
  expect([...lists]).toEqual(["18.0.0 18.1.0", "18.1.0", "18.1.0 18.3.0"]);
});

/**
 * `<path>/teleport-update` of ours leads into `<namespace>/updater/`, outside every release. These operations of
 * upstream's meet it, from `enable`, `update`, `uninstall` and the package's scripts, when somebody runs upstream's
 * updater by its full path:
 *
 * - IsLinked: it is no link into the version, so it says nothing. The other programs decide, and they are linked.
 * - Link (`enable`, `update`, `uninstall` with a package): a link elsewhere is replaced, and remembered for the revert. The host
 *   is upstream's from then on; its `enable` is how a host goes back.
 * - TryLink (`link-package`): a link elsewhere refuses. Every link of a managed host does, whoever manages it.
 * - Unlink (`uninstall` without a package, `unlink-package`): a link elsewhere is skipped, so ours stays, and dangles once the
 *   namespace is deleted. Link replaces it like any other; TryLink of a package that is installed later names it as in
 *   the way. Our own `uninstall` removes it.
 * - List and Remove look into `versions/` only.
 */
describe("upstream's updater on a host of ours", () => {
  const namespace = namespaceFor("");
  const revision = "18.1.0";
  const bin = `${namespace.versions}/${revision}/bin`;
  const UPDATER = "/usr/local/bin/teleport-update";
  const PACKAGE = "/opt/teleport/system/bin";

  async function enrolledHost(): Promise<UpdateHost> {
    const host = offlineHost(site);
    await host.enroll();
    return host;
  }
  const installer = (host: UpdateHost) => upstreamInstaller(host.root, placeOf(namespace, "/usr/local/bin"));
  const programs = (host: UpdateHost) => host.files.list(bin) ?? [];
  const addPackage = (host: UpdateHost) => cpSync(join(host.root, bin), join(host.root, PACKAGE), { recursive: true });

  test("Link gives it a whole host of its own, and the revert gives ours back", async () => {
    using host = await enrolledHost();
    const ours = host.tree();
    const revert = installer(host).link(revision);
    for (const name of programs(host)) expect(host.files.readLink(`/usr/local/bin/${name}`)).toBe(`${bin}/${name}`);
    revert();
    expect(host.tree()).toEqual(ours);
  });

  test("ours takes a host over again that upstream has taken back", async () => {
    using host = await enrolledHost();
    const ours = host.tree();
    installer(host).link(revision);
    expect(host.tree()).not.toEqual(ours);
    await host.enroll();
    expect(host.tree()).toEqual(ours);
  });

  test("IsLinked does not count our link for a version that has no other", async () => {
    using host = await enrolledHost();
    for (const name of programs(host)) if (name !== "teleport-update") host.files.removeFile(`/usr/local/bin/${name}`);
    expect(host.files.readLink(UPDATER)).toStartWith(namespace.updaterCopies);
    expect(installer(host).isLinked(revision)).toBeFalse();
  });

  test("TryLink of a package refuses, as on any managed host", async () => {
    using host = await enrolledHost();
    addPackage(host);
    const before = host.tree();
    expect(installer(host).tryLink(PACKAGE)).toEqual(programs(host).map((name) => `/usr/local/bin/${name}`));
    expect(host.tree()).toEqual(before);
  });

  test("Unlink takes all but our link, which is in nobody's way but a package's", async () => {
    using host = await enrolledHost();
    addPackage(host);
    expect(installer(host).unlink(revision)).toEqual([]);
    expect(host.files.list("/usr/local/bin")).toEqual(["teleport-update"]);
    expect(host.files.stat(namespace.teleport.unitFile)).toBeUndefined();

    // The end of upstream's uninstall.
    rmSync(join(host.root, namespace.directory), { recursive: true });
    expect(resolves(host.root, UPDATER)).toBeUndefined();
    expect(installer(host).tryLink(PACKAGE)).toEqual([UPDATER]);

    await host.enroll();
    expect(installer(host).isLinked(revision)).toBeTrue();
    expect(resolves(host.root, UPDATER)).toStartWith(namespace.updaterCopies);
  });
});

function placeOf(namespace: Namespace, linkDirectory: string) {
  const units = { teleport: namespace.teleport.unitFile, tbot: namespace.tbot.unitFile };
  return { namespace: namespace.directory, linkDirectory, units };
}
