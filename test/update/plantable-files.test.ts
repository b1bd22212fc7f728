import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, lchownSync, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { must } from "../support/must.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { type Site, startSite } from "../support/site.ts";
import { snapshot } from "../support/tree.ts";
import { NAMESPACE, servingHost, type UpdateHost } from "../support/update-host.ts";

// For busy machines: each test installs whole releases.
setDefaultTimeout(60_000);

let site: Site;
beforeAll(async () => {
  site = await startSite();
  for (const version of ["18.0.0", "18.1.0"]) await site.release({ version });
});
afterAll(() => site[Symbol.asyncDispose]());

const AGENT = 65_534;
const DATA = NAMESPACE.defaultDataDirectory;
const ID_FILE = "/tmp/teleport-update.id";

/** What an agent that does not run as root may leave in the folders that it owns, and a local user in the temporary one. */
const PLANTED: Record<string, (host: UpdateHost) => unknown> = {
  "links to folders and files of root": ({ link }) => {
    for (const name of ["bot", "log", "cache"]) link(`${DATA}/${name}`, "/root");
    for (const name of ["host_uuid", "telemetry", "debug.sock"]) link(`${DATA}/${name}`, "/root/secret");
    for (const path of [ID_FILE, NAMESPACE.teleport.pidFile]) link(path, "/root/secret");
  },
  "links to what is not there": ({ link }) => {
    for (const name of ["bot", "host_uuid", "debug.sock"]) link(`${DATA}/${name}`, "/root/new");
    for (const path of [ID_FILE, NAMESPACE.teleport.pidFile]) link(path, "/root/new");
  },
  "links in a circle": ({ link }) => {
    link(`${DATA}/bot`, "bot");
    for (const path of [`${DATA}/host_uuid`, `${DATA}/debug.sock`, ID_FILE, NAMESPACE.teleport.pidFile])
      link(path, path);
  },
  fifos: async ({ root }) => {
    const paths = [`${DATA}/bot`, `${DATA}/host_uuid`, `${DATA}/debug.sock`, ID_FILE, NAMESPACE.teleport.pidFile];
    for (const path of paths) await must(["mkfifo", join(root, path)]);
  },
  "endless files": async ({ root }) => {
    const paths = [`${DATA}/bot`, `${DATA}/host_uuid`, `${DATA}/debug.sock`, ID_FILE, NAMESPACE.teleport.pidFile];
    for (const path of paths) await must(["truncate", "-s", "1T", join(root, path)]);
  },
};

test.each(Object.keys(PLANTED))("[threat plantable-files] an update is not led or held up by %s", async (kind) => {
  site.server.find = advertise("18.0.0");
  using host = await servingHost(site);
  const at = (path: string) => join(host.root, path);
  host.files.removeTree(DATA);
  for (const folder of [DATA, "/tmp", "/root"]) host.files.makeDirectory(folder);
  chmodSync(at("/tmp"), 0o1777);
  host.write("/root/secret", "4711\n", 0o600);
  await PLANTED[kind]?.(host);
  if (process.geteuid?.() === 0) {
    for (const path of [DATA, ...readdirSync(at(DATA)).map((name) => join(DATA, name)), ID_FILE]) {
      lchownSync(at(path), AGENT, AGENT);
    }
  }
  const [outside, inside] = [snapshot(at("/root")), entries(at(DATA))];

  site.server.find = advertise("18.1.0");
  await host.enroll({ selfSetup: true });

  expect(host.files.readLink("/usr/local/bin/teleport")).toContain("/18.1.0/");
  expect(snapshot(at("/root"))).toEqual(outside);
  expect(entries(at(DATA))).toEqual(inside);
  // Nothing of the secret went to the cluster either.
  expect(site.takeRequests().join("\n")).not.toContain("4711");
});

/** What an agent may make of its data directory where that lies in a folder of its own; `home` is given to it afterwards. */
const LED_AWAY: Record<string, (host: UpdateHost, data: string) => unknown> = {
  "a link to a folder of root": ({ link }, data) => link(data, "/root"),
  "a link into a folder of root": ({ link }, data) => link(data, "/root/new"),
  "a link in a circle": ({ link }, data) => link(data, data),
  "a folder that may become a link": ({ files }, data) => files.makeDirectory(data),
  "what is not there yet": () => {},
  "a fifo": ({ root }, data) => must(["mkfifo", join(root, data)]),
};

test.each(Object.keys(LED_AWAY))(
  "[threat plantable-files] nothing is made in a data directory that is %s",
  async (kind) => {
    site.server.find = advertise("18.0.0");
    using host = await servingHost(site);
    const [home, data] = ["/home/agent", "/home/agent/data"];
    for (const folder of [home, "/root"]) host.files.makeDirectory(folder);
    host.write("/etc/teleport.yaml", `teleport:\n  data_dir: ${data}\n`);
    await LED_AWAY[kind]?.(host, data);
    if (process.geteuid?.() === 0) for (const path of [home, data]) giveIfThere(join(host.root, path));
    else chmodSync(join(host.root, home), 0o777);
    const before = [snapshot(join(host.root, "/root")), entries(join(host.root, home))];

    site.server.find = advertise("18.1.0");
    await host.enroll({ selfSetup: true });

    expect(host.files.readLink("/usr/local/bin/teleport")).toContain("/18.1.0/");
    expect([snapshot(join(host.root, "/root")), entries(join(host.root, home))]).toEqual(before);
    expect(host.world.log.lines.join("\n")).toContain("WARN The folder of the bot is not made");
  },
);

test.each(["/root/new", "/root"])(
  "[threat plantable-files] nothing is made where a link leads, to %s, that came in the place of a folder meanwhile",
  async (target) => {
    site.server.find = advertise("18.0.0");
    using host = await servingHost(site);
    host.files.makeDirectory("/root");
    host.files.removeTree(`${DATA}/bot`);
    const { files } = host.world;
    const placeLink = files.placeLink.bind(files);
    files.placeLink = (path, to) => {
      if (path === "/usr/local/bin/teleport") host.link(`${DATA}/bot`, target);
      placeLink(path, to);
    };
    const before = snapshot(join(host.root, "/root"));

    site.server.find = advertise("18.1.0");
    await host.enroll({ selfSetup: true });

    expect(host.files.readLink("/usr/local/bin/teleport")).toContain("/18.1.0/");
    expect(host.files.readLink(`${DATA}/bot`)).toBe(target);
    expect(snapshot(join(host.root, "/root"))).toEqual(before);
    expect(host.world.log.lines.join("\n")).toContain(
      "WARN The directory is not made, as a link has come in its place.",
    );
  },
);

function giveIfThere(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) lchownSync(path, AGENT, AGENT);
}

/** The names in a folder with kind, mode and owner; a fifo is not to be read, nor a file without end. */
function entries(folder: string): string[] {
  return readdirSync(folder).map((name) => {
    const { mode, uid, gid, size } = lstatSync(join(folder, name));
    return [name, mode, uid, gid, size].join(" ");
  });
}
