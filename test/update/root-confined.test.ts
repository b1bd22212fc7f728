import { afterAll, afterEach, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import type { Http } from "../../src/platform/http.ts";
import { uninstall } from "../../src/update/uninstall.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { type Site, startSite } from "../support/site.ts";
import { NAMESPACE, offlineHost, type UpdateHost } from "../support/update-host.ts";

// For busy machines: each test installs whole releases.
setDefaultTimeout(60_000);

let site: Site;
beforeAll(async () => {
  site = await startSite();
  for (const version of ["18.0.0", "18.1.0"]) await site.release({ version });
});
afterAll(() => site[Symbol.asyncDispose]());

/** A folder of this machine that no run under `--root` may touch. */
let outside: string;
beforeEach(() => {
  outside = mkdtempSync(join(tmpdir(), "outside-"));
});
afterEach(() => rmSync(outside, { recursive: true }));

const CLIMB = "../".repeat(12);
const UNITS = "/etc/systemd/system";

/** Puts a link into the root, and what it leads to inside the root, where it may well be missing otherwise. */
function plant(host: UpdateHost, path: string, target: string): void {
  const at = join(host.root, path);
  mkdirSync(dirname(at), { recursive: true });
  symlinkSync(target, at);
  mkdirSync(host.files.realFollowed(path), { recursive: true });
}

test.each<[path: string, target: (root: string) => string]>([
  ["/opt", () => outside],
  ["/opt", () => `${CLIMB}${outside}`],
  ["/opt", () => `/./..//../proc/self/root${outside}`],
  ["/usr/local/bin", () => outside],
  [UNITS, (root) => relative(join(root, dirname(UNITS)), outside)],
  [UNITS, () => `${CLIMB}${outside}`],
  ["/lib", () => outside],
  ["/opt/teleport/default/versions", () => outside],
])(
  "[threat root-confined] enable, update and uninstall stay in a root where a link leads out: `%s`",
  async (path, target) => {
    using host = offlineHost(site);
    plant(host, path, target(host.root));
    for (const version of ["18.0.0", "18.1.0"]) {
      site.server.find = advertise(version);
      await host.enroll();
      expect(host.files.readLink("/usr/local/bin/teleport")).toContain(`/${version}/`);
      expect(host.files.statFollowed("/usr/local/bin/teleport")?.kind).toBe("file");
      expect(host.files.stat(NAMESPACE.updaterTimer)?.kind).toBe("file");
    }
    await uninstall(host.world, { namespace: NAMESPACE, force: true });
    expect(host.files.stat("/usr/local/bin/teleport")).toBeUndefined();
    expect(readdirSync(outside)).toEqual([]);
  },
);

test("[threat root-confined] a link that appears during the run stays inside as well", async () => {
  let swap = () => {};
  const http: Http = {
    get(...request) {
      swap();
      return site.http.get(...request);
    },
  };
  using host = offlineHost(site, { http });
  for (const folder of ["/usr/local/bin", UNITS, "/opt"]) host.files.makeDirectory(folder);
  swap = () => {
    swap = () => {};
    for (const folder of ["/usr/local/bin", UNITS]) {
      rmSync(join(host.root, folder), { recursive: true });
      plant(host, folder, outside);
    }
  };
  site.server.find = advertise("18.0.0");
  await host.enroll();
  expect(readdirSync(outside)).toEqual([]);
  expect(host.files.list(outside)).toContain("teleport-update.timer");
});

test("[threat root-confined] links in a circle end in an error that names the path", async () => {
  using host = offlineHost(site);
  symlinkSync("/opt", join(host.root, "opt"));
  await expect(host.enroll()).rejects.toMatchObject({ code: "E_PATH", message: expect.stringContaining("`/opt") });
});
