import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import type { EnrollRequest } from "../../src/update/enroll.ts";
import { uninstall } from "../../src/update/uninstall.ts";
import { type Site, startSite } from "../support/site.ts";
import { NAMESPACE, offlineHost, servingHost, type UpdateHost } from "../support/update-host.ts";

// For busy machines: each test installs whole releases.
setDefaultTimeout(60_000);

let site: Site;
beforeAll(async () => {
  site = await startSite();
  for (const version of ["18.0.0", "18.1.0"]) await site.release({ version });
});
afterAll(() => site[Symbol.asyncDispose]());

const LINKS = "/usr/local/bin";
const NEW = "/srv/teleport/bin";
const PROGRAMS = ["fdpass-teleport", "tbot", "tctl", "teleport", "teleport-update", "tsh"];
const OLD_TELEPORT = `${NAMESPACE.versions}/18.0.0/bin/teleport`;

/** Enrolled into 18.0.0, with links in `/usr/local/bin`. */
async function enrolledHost(): Promise<UpdateHost> {
  const host = offlineHost(site);
  await host.enroll({ forceVersion: "18.0.0" });
  return host;
}

/** What the host is besides the log of its systemd and of the stand-in. */
const managed = (host: UpdateHost) => host.tree().filter((line) => !/^\/run\/|setup-calls/.test(line));

const move = (host: UpdateHost, request: Partial<EnrollRequest> = {}) =>
  host.enroll({ forceVersion: "18.1.0", path: NEW, ...request });

describe("`enable` with another path", () => {
  test.each(["18.0.0", "18.1.0"])(
    "takes the links in the old one down, and says so once: to %s",
    async (forceVersion) => {
      using host = await enrolledHost();
      host.link(`${LINKS}/teleport-old`, OLD_TELEPORT);
      host.link(`${LINKS}/theirs`, "/opt/teleport/blue/versions/18.0.0/bin/tsh");
      host.write(`${LINKS}/script`, "theirs");
      await move(host, { forceVersion });
      expect([host.files.list(LINKS), host.files.list(NEW)]).toEqual([["script", "theirs"], PROGRAMS]);
      const told = host.world.log.lines.filter((line) => line.includes("path has changed"));
      expect(told).toEqual([expect.stringContaining(`was:${LINKS} path:${NEW} links:fdpass-teleport tbot`)]);
    },
  );

  test("once units and services are on the new one, the updater last; a failure then puts them back", async () => {
    using host = await servingHost(site);
    const before = managed(host);
    const removed: string[] = [];
    const { removeFile } = host.files;
    host.world.files = {
      ...host.world.files,
      removeFile(path) {
        if (path.startsWith(`${LINKS}/`)) {
          expect(host.systemctl()).toContain("reload teleport.service");
          expect(host.files.list(NEW)).toEqual(PROGRAMS);
          removed.push(path.slice(LINKS.length + 1));
        }
        if (path === `${LINKS}/teleport-update`) throw new Error("read-only");
        removeFile(path);
      },
    };
    await expect(move(host)).rejects.toThrow("read-only");
    expect(removed).toEqual(["fdpass-teleport", "tbot", "tctl", "teleport", "tsh", "teleport-update"]);
    expect(managed(host)).toEqual(before);
  });

  test("leaves all as it is where the old one leads to the new one", async () => {
    using host = await enrolledHost();
    host.link("/srv/alias", LINKS);
    await move(host, { path: "/srv/alias" });
    expect(host.files.list(LINKS)).toEqual(PROGRAMS);
    expect(host.files.readLink(`${LINKS}/teleport`)).toBe(`${NAMESPACE.versions}/18.1.0/bin/teleport`);
  });

  test("names the links to the old links, which are not ours", async () => {
    using host = await enrolledHost();
    await move(host, { forceVersion: "18.0.0" });
    host.link(`${LINKS}/my-tsh`, `${NEW}/tsh`);
    await move(host, { path: "/srv/c" });
    const command = `ln -sfn /srv/c/tsh ${LINKS}/my-tsh`;
    expect(host.world.log.lines.join("\n")).toContain(`link:${LINKS}/my-tsh command:${command}`);
    expect(host.files.list(NEW)).toEqual([]);
  });

  test("[threat closed-parents] in an open folder a link of a name of its own stays, and is named", async () => {
    using host = await enrolledHost();
    host.link(`${LINKS}/passwd`, OLD_TELEPORT);
    chmodSync(join(host.root, LINKS), 0o777);
    await move(host);
    expect(host.files.list(LINKS)).toEqual(["passwd"]);
    expect(host.world.log.lines.join("\n")).toContain(`command:rm ${LINKS}/passwd`);
    // And what it leads into stays as well.
    expect(host.files.statFollowed(`${LINKS}/passwd`)).toBeDefined();
  });

  test("changes the running version under no link: a copy that differs is not replaced", async () => {
    using host = await enrolledHost();
    host.write(`${NAMESPACE.versions}/18.0.0/bin/tsh`, "rotten", 0o755);
    await expect(move(host, { forceVersion: "18.0.0" })).rejects.toMatchObject({ code: "E_STILL_LINKED" });
  });
});

test("`uninstall` after two paths leaves no link in either", async () => {
  using host = await enrolledHost();
  await move(host);
  // As an updater leaves them that does not take them down.
  for (const name of PROGRAMS) host.link(`${LINKS}/${name}`, `${NAMESPACE.versions}/18.0.0/bin/${name}`);
  await uninstall(host.world, { namespace: NAMESPACE, force: true });
  expect([host.files.list(LINKS), host.files.list(NEW)]).toEqual([[], []]);
});
