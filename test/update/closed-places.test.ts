import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, chownSync, cpSync, lchownSync } from "node:fs";
import { dirname, join } from "node:path";
import { hostFiles } from "../../src/platform/host-files.ts";
import type { World } from "../../src/platform/world.ts";
import { disable } from "../../src/update/disable.ts";
import { historyPath } from "../../src/update/history.ts";
import { uninstall } from "../../src/update/uninstall.ts";
import { unpin } from "../../src/update/unpin.ts";
import { type UpdateRequest, update } from "../../src/update/update.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { type Site, startSite } from "../support/site.ts";
import { snapshot } from "../support/tree.ts";
import { NAMESPACE, offlineHost, type UpdateHost } from "../support/update-host.ts";

// For busy machines: each test installs whole releases.
setDefaultTimeout(60_000);

let site: Site;
/** Enrolled into 18.0.0; every test starts from a copy of it. */
let enrolled: UpdateHost;
beforeAll(async () => {
  site = await startSite();
  for (const version of ["18.0.0", "18.1.0"]) await site.release({ version });
  site.server.find = advertise("18.0.0");
  enrolled = offlineHost(site);
  await enrolled.enroll();
});
afterAll(async () => {
  enrolled[Symbol.dispose]();
  await site[Symbol.asyncDispose]();
});
beforeEach(() => {
  site.server.find = advertise("18.1.0");
});

const NOBODY = 65_534;
const asRoot = process.geteuid?.() === 0;
const LINKS = "/usr/local/bin";
const REQUEST: UpdateRequest = {
  namespace: NAMESPACE,
  isNow: true,
  selfSetup: false,
  insecure: false,
  debug: false,
  logFormat: "text",
  temporaryDirectory: "/tmp",
};

function enrolledHost(): UpdateHost {
  const host = offlineHost(site);
  cpSync(enrolled.root, host.root, { recursive: true, verbatimSymlinks: true });
  return host;
}

const open = (host: UpdateHost, path: string) => chmodSync(join(host.root, path), 0o777);
const close = (host: UpdateHost, path: string) => chmodSync(join(host.root, path), 0o755);
const give = (host: UpdateHost, path: string, owner: number) => lchownSync(join(host.root, path), owner, 0);
const version = (host: UpdateHost) => host.files.readLink(`${LINKS}/teleport`)?.split("/").at(-3);
/** The history tells of a refused run. */
const treeOf = (host: UpdateHost) => host.tree().filter((line) => !line.startsWith(historyPath(NAMESPACE)));
const failureOf = (action: Promise<void>) =>
  action.then(
    () => expect.unreachable(),
    (failure) => failure,
  );

describe("[threat closed-parents] a place that others may change", () => {
  test.each([
    "/opt",
    "/opt/teleport",
    NAMESPACE.directory,
    NAMESPACE.versions,
    NAMESPACE.updaterCopies,
    NAMESPACE.config,
    NAMESPACE.updaterUnit,
    NAMESPACE.updaterTimer,
    NAMESPACE.teleportDropIn,
    NAMESPACE.teleport.unitFile,
    "/usr/local",
    LINKS,
    "/etc",
    "/etc/systemd/system",
    "/lib/systemd",
  ])("refuses every change until it is closed: `%s`", async (path) => {
    using host = enrolledHost();
    open(host, path);
    site.takeRequests();
    const before = treeOf(host);
    const failure = await failureOf(update(host.world, REQUEST));
    expect(failure).toMatchObject({
      code: "E_OPEN_PLACE",
      message: `others than root may change \`${host.root}${path}\`: everybody may write it`,
      hint: expect.stringContaining(`\`chmod go-w ${host.root}${path}\``),
    });
    expect(treeOf(host)).toEqual(before);
    expect(site.takeRequests()).toEqual([]);
    close(host, path);
    await update(host.world, REQUEST);
    expect(version(host)).toBe("18.1.0");
  });

  test("refuses `enable`: the folder that `--path` names", async () => {
    using host = enrolledHost();
    host.files.makeDirectory("/srv/bin");
    open(host, "/srv");
    expect(await failureOf(host.enroll({ path: "/srv/bin" }))).toMatchObject({ code: "E_OPEN_PLACE" });
    expect(host.files.list("/srv/bin")).toEqual([]);
    close(host, "/srv");
    await host.enroll({ path: "/srv/bin" });
    expect(host.files.readLink("/srv/bin/teleport")).toContain("/18.1.0/");
  });

  test.each(["", "/teleport-update"])("refuses `update`: what the timer runs, by its copy%s", async (name) => {
    using host = enrolledHost();
    const copy = host.files.readLink(`${LINKS}/teleport-update`) ?? "";
    const path = name === "" ? dirname(copy) : copy;
    open(host, path);
    const before = treeOf(host);
    expect(await failureOf(update(host.world, REQUEST))).toMatchObject({
      code: "E_OPEN_PLACE",
      message: expect.stringContaining(`\`${host.root}${path}\``),
    });
    expect(treeOf(host)).toEqual(before);
    close(host, path);
    await update(host.world, REQUEST);
    expect(version(host)).toBe("18.1.0");
  });

  test.if(asRoot)("refuses `update`: the link to what the timer runs is theirs", async () => {
    using host = enrolledHost();
    give(host, `${LINKS}/teleport-update`, NOBODY);
    expect(await failureOf(update(host.world, REQUEST))).toMatchObject({ code: "E_OPEN_PLACE" });
  });

  test("is told of in the active version, once, and the next update leaves it behind", async () => {
    using host = enrolledHost();
    chmodSync(join(host.root, "/opt"), 0o775);
    for (const path of ["bin/teleport", "lib/systemd"]) open(host, `${NAMESPACE.versions}/18.0.0/${path}`);
    site.server.find = advertise("18.0.0");
    await update(host.world, REQUEST);
    const told = host.world.log.lines.filter((line) => line.includes("until an update leaves it behind"));
    expect(told).toEqual(
      ["bin/teleport", "lib/systemd"].map((path) =>
        expect.stringContaining(`path:${host.root}${NAMESPACE.versions}/18.0.0/${path} `),
      ),
    );
    site.server.find = advertise("18.1.0");
    await update(host.world, REQUEST);
    expect(version(host)).toBe("18.1.0");
  });

  test.each([LINKS, "/etc/systemd/system"])(
    "refuses `update`: a folder to which everybody may add, `%s`",
    async (path) => {
      using host = enrolledHost();
      chmodSync(join(host.root, path), 0o1777);
      expect(await failureOf(update(host.world, REQUEST))).toMatchObject({ code: "E_OPEN_PLACE" });
    },
  );

  test.each([NAMESPACE.versions, NAMESPACE.updaterCopies])(
    "refuses `unpin`, which reads none of it: `%s`",
    async (path) => {
      using host = enrolledHost();
      open(host, path);
      expect(await failureOf(unpin(host.world, { namespace: NAMESPACE }))).toMatchObject({ code: "E_OPEN_PLACE" });
    },
  );

  test("refuses `unpin`, and `enable` before it makes a lock there", async () => {
    using host = offlineHost(site);
    host.files.makeDirectory("/opt");
    open(host, "/opt");
    expect(await failureOf(unpin(host.world, { namespace: NAMESPACE }))).toMatchObject({ code: "E_OPEN_PLACE" });
    expect(await failureOf(host.enroll())).toMatchObject({ code: "E_OPEN_PLACE" });
    expect(host.files.list("/opt")).toEqual([]);
  });

  test("does not hold up `disable` and `uninstall`, which tell of it", async () => {
    using host = enrolledHost();
    open(host, "/opt");
    await disable(host.world, { namespace: NAMESPACE });
    expect(host.config()).toContain("enabled: false");
    await uninstall(host.world, { namespace: NAMESPACE, force: true });
    expect(host.files.stat(NAMESPACE.directory)).toBeUndefined();
    const warning = `WARN Others than root may change what the updater relies on. path:${host.root}/opt`;
    expect(host.world.log.lines.filter((line) => line.startsWith(warning))).toHaveLength(2);
  });

  test.if(asRoot)("refuses every change: the folder is theirs", async () => {
    using host = enrolledHost();
    give(host, NAMESPACE.directory, NOBODY);
    expect(await failureOf(update(host.world, REQUEST))).toMatchObject({
      code: "E_OPEN_PLACE",
      hint: expect.stringContaining(`chown root:root ${host.root}${NAMESPACE.directory}`),
    });
  });

  test.if(asRoot)("is told of where only root's group may write", async () => {
    using host = enrolledHost();
    chmodSync(join(host.root, "/opt"), 0o775);
    await update(host.world, REQUEST);
    expect(version(host)).toBe("18.1.0");
    expect(host.world.log.lines.join("\n")).toContain(`path:${host.root}/opt reason:the group 0 may write it`);
  });

  test("is not a link of root's to a closed folder", async () => {
    using host = offlineHost(site);
    host.files.makeDirectory("/data/opt");
    host.link("/opt", "/data/opt");
    await host.enroll();
    expect(host.files.stat("/data/opt/teleport/default/versions/18.1.0")?.kind).toBe("directory");
  });
});

describe.if(asRoot)("[threat closed-parents] the way to a tree that root works on", () => {
  const USER = 1234;

  /** A folder with a tree in it that its owner may take away and put another in its place. */
  function home(): { world: World; folder: string } & Disposable {
    const [outer, image] = [offlineHost(site), enrolledHost()];
    const tree = join(outer.root, "image");
    cpSync(image.root, tree, { recursive: true, verbatimSymlinks: true });
    chownSync(outer.root, USER, USER);
    const dispose = () => [outer, image].forEach((one) => void one[Symbol.dispose]());
    const world = { ...outer.world, files: hostFiles(tree) };
    return { world, folder: outer.root, [Symbol.dispose]: dispose };
  }

  test.each([
    ["belongs to another", USER, 0o755],
    ["may be written by everybody", 0, 0o777],
  ])("is refused where a folder of it %s, by every command that writes", async (_, owner, mode) => {
    using at = home();
    chownSync(at.folder, owner, 0);
    chmodSync(at.folder, mode);
    const before = snapshot(at.folder, () => true);
    const refusal = {
      code: "E_OPEN_PLACE",
      message: expect.stringContaining(`another tree at \`${at.folder}/image\`, as they may change \`${at.folder}\``),
      hint: expect.not.stringContaining("chown"),
    };
    expect(await failureOf(update(at.world, REQUEST))).toMatchObject(refusal);
    expect(await failureOf(unpin(at.world, { namespace: NAMESPACE }))).toMatchObject(refusal);
    expect(await failureOf(disable(at.world, { namespace: NAMESPACE }))).toMatchObject(refusal);
    expect(await failureOf(uninstall(at.world, { namespace: NAMESPACE, force: true }))).toMatchObject(refusal);
    expect(snapshot(at.folder, () => true)).toEqual(before);
  });

  test("may be of who called through sudo, with the files that the options name in the tree", async () => {
    using at = home();
    at.world.files.writeFile("/etc/ca.pem", "");
    at.world.files.writeFile(NAMESPACE.options, "version: v1\nkind: updater_options\nca_file: /etc/ca.pem\n");
    await update({ ...at.world, sudoUser: USER }, REQUEST);
    expect(at.world.files.readLink(`${LINKS}/teleport`)).toContain("/18.1.0/");
    chownSync(join(at.folder, "image/etc/ca.pem"), USER, 0);
    expect(await failureOf(update({ ...at.world, sudoUser: USER }, REQUEST))).toMatchObject({ code: "E_OPEN_PLACE" });
  });

  test("may lead through a shared folder, as `/tmp` is", async () => {
    using at = home();
    chownSync(at.folder, 0, 0);
    chmodSync(at.folder, 0o1777);
    await update(at.world, REQUEST);
    expect(at.world.files.readLink(`${LINKS}/teleport`)).toContain("/18.1.0/");
  });
});

describe("[threat own-files] a version that others may have put in place", () => {
  const planted = `${NAMESPACE.versions}/18.1.0`;

  /** A copy of the true one, but for what the row does to it. */
  async function hostWithPlanted(): Promise<UpdateHost> {
    const host = enrolledHost();
    await update(host.world, REQUEST);
    site.server.find = advertise("18.0.0");
    await update(host.world, REQUEST);
    site.server.find = advertise("18.1.0");
    return host;
  }

  const unit = "/lib/systemd/system/teleport.service";
  test.each(["", "/bin", "/bin/teleport", "/lib", unit])("at `%s` is not linked, but fetched anew", async (path) => {
    using host = await hostWithPlanted();
    host.write(`${planted}/bin/teleport`, "#!/bin/sh\ntouch /tmp/was-here", 0o755);
    open(host, `${planted}${path}`);
    await update(host.world, REQUEST);
    expect(version(host)).toBe("18.1.0");
    expect(host.files.stat(`${planted}${path}`)).toMatchObject({ mode: path === unit ? 0o644 : 0o755 });
    expect(host.files.stat(`${planted}/bin/teleport`)?.size).toBeGreaterThan(100);
    expect(host.world.log.lines.join("\n")).toContain("reason:may have been changed by others than root");
  });

  test("is refused while it is linked, and left behind by the next update", async () => {
    using host = enrolledHost();
    open(host, `${NAMESPACE.versions}/18.0.0/bin/teleport`);
    expect(await failureOf(host.enroll({ forceVersion: "18.0.0" }))).toMatchObject({
      code: "E_STILL_LINKED",
      message: expect.stringContaining("may have been changed by others than root"),
      hint: expect.stringContaining("`teleport-update enable --force-version OTHER`, then `teleport-update enable`"),
    });
    await update(host.world, REQUEST);
    expect(version(host)).toBe("18.1.0");
  });
});
