import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { dirname, join } from "node:path";
import { PROGRAM_BUILD, PROGRAM_VERSION } from "../../src/platform/build-info.ts";
import { UpdateError } from "../../src/platform/errors.ts";
import { optionsOfRun } from "../../src/update/plan-options.ts";
import { uninstall } from "../../src/update/uninstall.ts";
import { elfFile } from "../release/elf-file.ts";
import { type Architecture, HOST_ARCHITECTURE } from "../support/elf-patch.ts";
import { must } from "../support/must.ts";
import { placeProgram } from "../support/place-program.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { makeSigningKey } from "../support/signing-key.ts";
import { type Site, startSite } from "../support/site.ts";
import { NAMESPACE, NO_IMAGE, offlineHost, runningHost, type UpdateHost } from "../support/update-host.ts";

// For busy machines: each test installs whole releases.
setDefaultTimeout(60_000);

const OTHER: Architecture = HOST_ARCHITECTURE === "amd64" ? "arm64" : "amd64";
const MACHINES = { amd64: 62, arm64: 183 };
const LINK = "/usr/local/bin/teleport-update";
const UPDATER = "/build/teleport-update";

let site: Site;
beforeAll(async () => {
  site = await startSite();
  await site.release({ version: "18.0.0" });
  for (const version of ["18.0.0", "18.1.0"]) await site.release({ version, architecture: OTHER });
  site.server.find = advertise("18.0.0");
});
afterAll(() => site[Symbol.asyncDispose]());

/** An image of the other processor, with an updater for it that lies outside. */
function otherImage(): { host: UpdateHost; updater: string } & Disposable {
  const [host, outside] = [offlineHost(site), offlineHost(site)];
  placeProgram(host, "/bin/sh", elfFile({ machine: MACHINES[OTHER] }));
  placeProgram(outside, UPDATER, elfFile({ machine: MACHINES[OTHER] }));
  const dispose = () => [host, outside].forEach((one) => void one[Symbol.dispose]());
  return { host, updater: join(outside.root, UPDATER), [Symbol.dispose]: dispose };
}

describe("an image for another processor", () => {
  test("gets the release for it, and the updater that is given", async () => {
    using image = otherImage();
    const { host, updater } = image;
    site.takeRequests();
    await host.enroll({ image: { ...NO_IMAGE, updater } });
    expect(site.takeRequests()).toContain(`/teleport-v18.0.0-linux-${OTHER}-bin.tar.gz`);
    const copy = host.files.readLink(LINK) ?? "";
    expect(copy).toMatch(/^\/opt\/teleport\/default\/updater\/given-[0-9a-f]{16}\/teleport-update$/);
    await must(["cmp", join(host.root, copy), updater]);
  });

  test("is refused without one, and nothing of it is changed", async () => {
    using image = otherImage();
    const { host } = image;
    const before = host.tree();
    await expect(host.enroll()).rejects.toMatchObject({
      code: "E_PROGRAM",
      message: expect.stringContaining(OTHER),
      hint: expect.stringContaining("--updater FILE"),
    });
    expect(host.tree()).toEqual(before);
  });

  test("keeps the one that it has in later runs", async () => {
    using image = otherImage();
    const { host, updater } = image;
    await host.enroll({ image: { ...NO_IMAGE, updater } });
    const copy = host.files.readLink(LINK);
    await host.enroll({ forceVersion: "18.1.0" });
    expect(host.files.readLink(LINK)).toBe(copy ?? "");
    expect(host.config()).toContain("version: 18.1.0");
  });

  test("is pointed to another updater when the one that it has is for another processor", async () => {
    using image = otherImage();
    const { host } = image;
    const copy = `${NAMESPACE.updaterCopies}/given-0123456789abcdef/teleport-update`;
    placeProgram(host, copy, elfFile({ machine: MACHINES[HOST_ARCHITECTURE] }));
    host.link(LINK, copy);
    const hint = `name the updater for ${OTHER} with \`--updater FILE\``;
    await expect(host.enroll()).rejects.toMatchObject({ code: "E_PROGRAM", hint });
    placeProgram(host, "/build/wrong", elfFile({ machine: MACHINES[HOST_ARCHITECTURE] }));
    const wish = { ...NO_IMAGE, updater: join(host.root, "build/wrong") };
    await expect(host.enroll({ image: wish })).rejects.toMatchObject({ code: "E_PROGRAM", hint });
  });

  test.each([
    ["is for another processor", elfFile({ machine: MACHINES[HOST_ARCHITECTURE] })],
    ["is no program", Buffer.from("#!/bin/sh\n")],
  ])("refuses an updater that %s", async (_, content) => {
    using image = otherImage();
    const { host } = image;
    placeProgram(host, "/build/wrong", content);
    const wish = { ...NO_IMAGE, updater: join(host.root, "build/wrong") };
    await expect(host.enroll({ image: wish })).rejects.toMatchObject({ code: "E_PROGRAM" });
    expect(host.config()).toBeUndefined();
  });
});

describe("an updater that was given to an image for the processor of this machine", () => {
  const given = (host: UpdateHost) => host.files.readLink(LINK)?.includes("/given-");

  test("stays in later runs, as it may be the FIPS one, until another is given or the image boots", async () => {
    using host = offlineHost(site);
    await host.enroll({ image: { ...NO_IMAGE, updater: "/bin/true" } });
    expect(given(host)).toBeTrue();
    await host.enroll();
    await host.update();
    expect(given(host)).toBeTrue();
    const first = host.files.readLink(LINK) ?? "";
    await host.enroll({ image: { ...NO_IMAGE, updater: "/bin/false" } });
    expect(given(host) && host.files.readLink(LINK) !== first).toBeTrue();
  });

  test("gives way to the running one when it does not fit any more", async () => {
    using host = offlineHost(site);
    const copy = `${NAMESPACE.updaterCopies}/given-0123456789abcdef/teleport-update`;
    placeProgram(host, copy, elfFile({ machine: MACHINES[OTHER] }));
    host.link(LINK, copy);
    placeProgram(host, "/bin/sh", elfFile({ machine: MACHINES[HOST_ARCHITECTURE] }));
    await host.enroll();
    expect(given(host)).toBeFalse();
  });

  test("gives way to the running one on the host that boots the image", async () => {
    using host = runningHost(site);
    const copy = `${NAMESPACE.updaterCopies}/given-0123456789abcdef/teleport-update`;
    placeProgram(host, copy, elfFile({ machine: MACHINES[HOST_ARCHITECTURE] }));
    host.link(LINK, copy);
    await host.enroll();
    expect(given(host)).toBeFalse();
  });
});

describe("a layer, which has no system that would tell its processor or hold a loader", () => {
  test.each([HOST_ARCHITECTURE, OTHER])("gets a release for %s that is linked dynamically", async (architecture) => {
    using host = offlineHost(site);
    using outside = offlineHost(site);
    await site.release({ version: "18.2.0", architecture, bad: { agent: "needs-newer-glibc" } });
    placeProgram(outside, UPDATER, elfFile({ machine: MACHINES[architecture], interpreter: "/lib/ld-linux.so" }));
    const image = { architecture, updater: join(outside.root, UPDATER), isOffline: false };
    await host.enroll({ image, forceVersion: "18.2.0" });
    expect(host.files.readLink("/usr/local/bin/teleport")).toContain("/18.2.0/");
    expect(host.world.log.lines.join("\n")).toContain("No system is in the image");
  });

  test.each(["with a release", "without one"])("stays of its processor in later runs, %s", async (which) => {
    using image = otherImage();
    const { host, updater } = image;
    host.files.removeFile("/bin/sh");
    const isOffline = which === "without one";
    const forceVersion = isOffline ? "" : "18.0.0";
    await host.enroll({ image: { architecture: OTHER, updater, isOffline }, forceVersion });
    const copy = host.files.readLink(LINK) ?? "";
    for (const move of [() => host.update(), () => host.enroll({ command: "pin", forceVersion: "18.1.0" })]) {
      site.takeRequests();
      site.server.find = advertise(isOffline ? "18.0.0" : "18.1.0");
      await move();
      expect(site.takeRequests()).not.toContainEqual(expect.stringContaining(`linux-${HOST_ARCHITECTURE}-`));
      expect(host.files.readLink(LINK)).toBe(copy);
    }
    site.server.find = advertise("18.0.0");
    expect(host.config()).toContain("version: 18.1.0");
  });

  test("of another processor without an updater for it is refused before anything is fetched", async () => {
    using host = offlineHost(site);
    site.takeRequests();
    await expect(host.enroll({ image: { ...NO_IMAGE, architecture: OTHER } })).rejects.toMatchObject({
      code: "E_PROGRAM",
      hint: expect.stringContaining("--updater FILE"),
    });
    expect(site.takeRequests()).toEqual([]);
  });
});

describe("an image with links whose targets its first boot makes", () => {
  test("gets them made, for each folder that something goes into", async () => {
    using host = offlineHost(site);
    host.link("/opt", "var/opt");
    host.link("/usr/local", "/var/usrlocal");
    host.link("/etc/systemd", "../usr/etc/systemd");
    await host.enroll();
    expect(host.files.stat("/var/usrlocal/bin/teleport")?.kind).toBe("symlink");
    expect(host.files.stat("/var/opt/teleport/default/versions/18.0.0")?.kind).toBe("directory");
    expect(host.files.list("/usr/etc/systemd/system")).toContain("teleport-update.timer");
    expect(host.files.readLink("/opt")).toBe("var/opt");
  });

  test("is as it was when that fails", async () => {
    using host = offlineHost(site);
    host.link("/usr/local", "/var/usrlocal");
    host.link("/etc/systemd", "../usr/etc/systemd");
    const { placeLink } = host.world.files;
    host.world.files.placeLink = (path, target) => {
      if (path.startsWith("/etc/systemd/")) throw new UpdateError("E_IO", `cannot link \`${path}\``);
      placeLink(path, target);
    };
    const before = host.tree();
    await expect(host.enroll()).rejects.toMatchObject({ code: "E_IO" });
    expect(host.tree()).toEqual(before);
  });
});

test("the cluster is asked without an identity, which no image has", async () => {
  using host = offlineHost(site);
  host.write("/etc/machine-id", "00f1a5c0ffee00f1a5c0ffee00f1a5c0\n");
  host.write("/tmp/teleport-update.id", "2f0c4c9e-0000-4000-8000-000000000000");
  site.takeRequests();
  await host.enroll();
  expect(site.takeRequests()[0]).toBe("/webapi/find?group=default");
});

describe("files outside the image that flags name", () => {
  /** A file of this machine that no host of the image has. */
  function outsideFile(name: string, content: string): { path: string } & Disposable {
    const outside = offlineHost(site);
    outside.write(`/${name}`, content);
    return { path: join(outside.root, name), [Symbol.dispose]: () => outside[Symbol.dispose]() };
  }

  test("count for the run, and leave what is kept as it is", async () => {
    using host = offlineHost(site);
    using outside = outsideFile("ca.pem", "");
    host.write("/etc/ca.pem", "");
    await host.enroll({ options: { caFile: `${host.root}/etc/ca.pem` } });
    await host.enroll({ options: { caFile: outside.path, minVersion: "17" } });
    expect(host.read(NAMESPACE.options)).toContain("ca_file: /etc/ca.pem\n");
    expect(host.world.log.lines.join("\n")).toContain(`path:${outside.path}`);
  });

  test("are not what a link of the tree leads to: it is followed as its hosts will follow it", () => {
    using host = offlineHost(site);
    using outside = outsideFile("ca.pem", "");
    host.link("/etc/ssl", dirname(outside.path));
    const { caFile } = optionsOfRun(host.files, NAMESPACE, { caFile: `${host.root}/etc/ssl/ca.pem` });
    expect(caFile).toBe(`${host.root}${outside.path}`);
    expect(optionsOfRun(host.files, NAMESPACE, { caFile: outside.path })).toEqual({ caFile: outside.path });
  });

  test.each([false, true])(
    "are refused as trusted keys, which the hosts would not have (offline: %p)",
    async (isOffline) => {
      using host = offlineHost(site);
      using outside = outsideFile("key.pem", makeSigningKey().publicPem);
      const inside = `${host.root}/etc/key.pem`;
      host.write("/etc/key.pem", makeSigningKey().publicPem);
      const image = { ...NO_IMAGE, isOffline };
      await host.enroll({ image: { ...image, isOffline: true }, options: { trustedKeys: [inside] } });
      const before = host.tree();
      for (const trustedKeys of [[outside.path], [inside, outside.path]]) {
        await expect(host.enroll({ image, options: { trustedKeys } })).rejects.toMatchObject({
          code: "E_PATH",
          message: expect.stringContaining(outside.path),
          hint: expect.stringContaining("into the tree first"),
        });
      }
      expect(host.tree()).toEqual(before);
      await host.enroll({ image: { ...image, isOffline: true } });
      expect(host.read(NAMESPACE.options)).toContain("trusted_keys:\n  - /etc/key.pem\n");
    },
  );

  test("are refused as half of a client certificate and its key", async () => {
    using host = offlineHost(site);
    using outside = outsideFile("key.pem", "");
    host.write("/etc/client.pem", "");
    const options = { clientCertificate: `${host.root}/etc/client.pem`, clientKey: outside.path };
    await expect(host.enroll({ options })).rejects.toMatchObject({ code: "E_PATH" });
    expect(host.config()).toBeUndefined();
  });
});

describe("offline", () => {
  const OFFLINE = { ...NO_IMAGE, isOffline: true };

  test("an image gets settings, updater and units, and asks nobody", async () => {
    using host = offlineHost(site);
    site.takeRequests();
    await host.enroll({ image: OFFLINE, group: "canary", options: { minVersion: "18" } });
    expect(site.takeRequests()).toEqual([]);
    expect(host.config()).toBe(`version: v1
kind: update_config
spec:
    proxy: PROXY
    path: /usr/local/bin
    group: canary
    base_url: https://PROXY
    enabled: true
    pinned: false
status:
    id_file: /tmp/teleport-update.id
    active:
        version: ""
`);
    expect(host.files.list("/usr/local/bin")).toEqual(["teleport-update"]);
    expect(host.files.readLink(LINK)).toEndWith(`/${PROGRAM_VERSION}-${PROGRAM_BUILD}/teleport-update`);
    expect(host.files.list(NAMESPACE.versions)).toEqual([]);
    expect(host.read(NAMESPACE.options)).toContain("min_version: 18");
    for (const service of [NAMESPACE.teleport, NAMESPACE.tbot]) {
      expect(host.read(service.unitFile)).toStartWith("# teleport-update \n");
      const wants = `/etc/systemd/system/${service.unit}.wants/teleport-update.timer`;
      expect(host.files.readLink(wants)).toBe(NAMESPACE.updaterTimer);
    }
  });

  test("its first run installs what the cluster advertises, in the window or not", async () => {
    using host = offlineHost(site);
    await host.enroll({ image: OFFLINE });
    site.server.find = advertise("18.0.0", { inWindow: false, jitterSeconds: 1800 });
    await host.update({ isNow: false });
    site.server.find = advertise("18.0.0");
    expect(host.config()).toContain("version: 18.0.0");
    expect(host.read(NAMESPACE.teleport.unitFile)).toStartWith("# teleport-update 18.0.0\n");
    expect(host.files.list("/etc/systemd/system")).not.toContainEqual(expect.stringContaining(".edited-"));
  });

  test("with a version it is installed, of the edition that is named", async () => {
    using host = offlineHost(site);
    site.takeRequests();
    await host.enroll({ image: OFFLINE, forceVersion: "18.0.0" });
    expect(site.takeRequests()).not.toContainEqual(expect.stringContaining("find"));
    expect(host.config()).toContain("version: 18.0.0");
  });

  test("a release that is there stays, with its units", async () => {
    using host = offlineHost(site);
    await host.enroll();
    const unit = host.read(NAMESPACE.teleport.unitFile);
    await host.enroll({ image: OFFLINE, group: "canary" });
    expect(host.read(NAMESPACE.teleport.unitFile)).toBe(unit);
    expect(host.config()).toContain("group: canary");
    expect(host.config()).toContain("version: 18.0.0");
  });

  test("an uninstall before the first release leaves no unit behind", async () => {
    using host = offlineHost(site);
    const before = host.tree();
    await host.enroll({ image: OFFLINE });
    await uninstall(host.world, { namespace: NAMESPACE, force: true });
    expect(host.tree().filter((line) => !before.includes(line) && !/^[^ ]+\/ /.test(line))).toEqual([]);
  });

  test("without a proxy it is refused before anything is changed", async () => {
    using host = offlineHost(site);
    const before = host.tree();
    await expect(host.enroll({ image: OFFLINE, proxy: "" })).rejects.toMatchObject({ code: "E_PROXY_ADDRESS" });
    expect(host.tree()).toEqual(before);
  });

  test("from sources, which leave no program to keep, it is refused", async () => {
    using host = offlineHost(site, { program: undefined });
    await expect(host.enroll({ image: OFFLINE })).rejects.toMatchObject({
      code: "E_PROGRAM",
      hint: expect.stringContaining("--updater FILE"),
    });
    expect(host.config()).toBeUndefined();
  });
});
