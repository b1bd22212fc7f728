import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { elfFile } from "../release/elf-file.ts";
import { type BootedHost, bootHost } from "../support/booted-host.ts";
import { makeAuthority } from "../support/certificates.ts";
import { HOST_ARCHITECTURE } from "../support/elf-patch.ts";
import { executablePath } from "../support/executable.ts";
import { must } from "../support/must.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { programOf, readiness } from "./support/agent.ts";
import { type Cluster, startCluster } from "./support/cluster.ts";
import { eventually } from "./support/eventually.ts";
import { runTimer, timerHeldBack } from "./support/timer-run.ts";

setDefaultTimeout(120_000);

const OLD = "18.1.0";
const NEW = "18.2.0";
const BUILDER = 1234;
const PAGE = readFileSync("docs/images.md", "utf8");
const QEMU = "/usr/bin/qemu-aarch64-static";
const ARM64_LIBRARIES = "/usr/aarch64-linux-gnu/lib";

let cluster: Cluster;
let updater: string;
let work: string;
beforeAll(async () => {
  updater = await executablePath();
  const armUpdater = await executablePath("arm64");
  cluster = await startCluster(
    [
      { version: OLD, architecture: HOST_ARCHITECTURE },
      { version: NEW, architecture: HOST_ARCHITECTURE },
      { version: OLD, architecture: "arm64", updater: armUpdater },
    ],
    { certificates: await (await makeAuthority()).issue() },
  );
  work = mkdtempSync(join(tmpdir(), "images-"));
  chmodSync(work, 0o755);
  await Bun.write(join(work, "site-ca.pem"), cluster.ca);
  symlinkSync(armUpdater, join(work, "teleport-update-linux-arm64"));
  symlinkSync(cluster.releases ?? "", join(work, "releases"));
}, 300_000);
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
  rmSync(work, { recursive: true, force: true });
});

/** The commands of a section of the page, for the servers and files of this test; `image` stands for the tree. */
function commandsOf(heading: string, image = ""): string {
  const section = PAGE.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? "";
  const lines = [...section.matchAll(/^ {4}(?:sudo )?(.+)$/gm)].map(([, line = ""]) => line);
  if (lines.length === 0) throw new Error(`the page has no commands under "${heading}"`);
  return lines
    .map((line) =>
      line
        .replace(/^teleport-update /, `${updater} --log-format=json `)
        .replaceAll("proxy.example.com", cluster.address)
        .replaceAll("https://mirror.example.com/teleport", cluster.baseUrl)
        .replaceAll(/(?<=[ =])image(?=\/| |$)/g, image),
    )
    .join("\n");
}

/** Runs commands in a folder with all the files that they name, as `user`. */
async function run(commands: string, folder = work, user = 0): Promise<void> {
  const asUser = ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--clear-groups"];
  await must(["sh", "-c", 'cd "$0" && exec "$@"', folder, ...asUser, "sh", "-euc", commands]);
}

const bootImage = (beforeBoot: (root: string) => Promise<void>) => bootHost({ beforeBoot, files: timerHeldBack() });

async function expectAgentOf(host: BootedHost, version: string): Promise<void> {
  const { status, pid } = await readiness(host);
  expect(status).toBe("ok");
  expect(await programOf(host, pid)).toBe(`/opt/teleport/default/versions/${version}/bin/teleport`);
}

async function expectTimer(host: BootedHost): Promise<void> {
  expect((await host.exec(["systemctl", "is-active", "teleport-update.timer"])).stdout.trim()).toBe("active");
}

test("an image that root made boots into its agent, and its first runs find the cluster", async () => {
  cluster.find = advertise(OLD);
  await using host = await bootImage((root) => run(commandsOf("A tree", root)));
  await expectTimer(host);
  await expectAgentOf(host, OLD);
  expect(await runTimer(host)).toMatchObject({
    exitCode: 0,
    log: [expect.stringContaining("Teleport is up to date.")],
  });

  cluster.find = advertise(NEW);
  expect(await runTimer(host)).toMatchObject({ exitCode: 0, result: "success" });
  await expectAgentOf(host, NEW);
});

test("a layer that a user made, packed as root's, does the same", async () => {
  cluster.find = advertise(OLD);
  const home = join(work, "home");
  mkdirSync(home);
  chownSync(home, BUILDER, BUILDER);
  cpSync(join(work, "site-ca.pem"), join(home, "site-ca.pem"));
  const commands = commandsOf("A layer, without root").replace("--arch amd64", `--arch ${HOST_ARCHITECTURE}`);
  await run(`umask 077\n${commands}`, home, BUILDER);
  const layer = join(home, "layer.tar");
  const bare = mkdtempSync(join(work, "bare-"));
  await run(`tar -C ${bare} -xf ${layer}`);
  for (const folder of ["", "usr", "usr/lib"]) expect(statSync(join(bare, folder)).mode & 0o777).toBe(0o755);
  const [unpack = ""] = /tar -C image [^`]+/.exec(PAGE) ?? [];
  await using host = await bootImage((root) => run(unpack.replace("image", root).replace("layer.tar", layer)));
  await expectTimer(host);
  await expectAgentOf(host, OLD);
  cluster.find = advertise(NEW);
  expect(await runTimer(host)).toMatchObject({ exitCode: 0, result: "success" });
  await expectAgentOf(host, NEW);
});

test("an image that was made offline installs its first release by itself, and starts it", async () => {
  cluster.requests.length = 0;
  const [first = ""] = commandsOf("Without the cluster", "IMAGE").split(/\n(?=.*--force-version)/);
  await using host = await bootImage((root) => run(first.replaceAll("IMAGE", root)));
  expect(cluster.requests).toEqual([]);
  expect((await host.exec(["test", "-e", "/usr/local/bin/teleport"])).exitCode).toBe(1);
  await expectTimer(host);

  cluster.find = advertise(NEW, { inWindow: false, jitterSeconds: 1800 });
  expect(await runTimer(host)).toMatchObject({ exitCode: 0, result: "success" });
  await expectAgentOf(host, NEW);
  expect(await runTimer(host)).toMatchObject({
    exitCode: 0,
    log: [expect.stringContaining("Teleport is up to date.")],
  });
  const id = await eventually("the host has an identity of its own", async () => {
    return cluster.requests.findLast(({ query }) => query["update_id"] !== undefined)?.query["update_id"];
  });
  expect(id).toMatch(/^[0-9a-f-]{36}$/);
});

test("a release that was carried by hand is in the image, and nobody is asked", async () => {
  cluster.requests.length = 0;
  await using host = await bootImage(async (root) => {
    await run(commandsOf("Without the cluster", root));
  });
  expect(cluster.requests).toEqual([]);
  await expectAgentOf(host, OLD);
});

test.skipIf(HOST_ARCHITECTURE === "arm64")(
  "an arm64 image that is made on amd64 has programs that run there",
  async () => {
    cluster.find = advertise(OLD);
    const root = join(work, "arm64");
    mkdirSync(join(root, "bin"), { recursive: true });
    mkdirSync(join(root, "etc/ssl"), { recursive: true });
    cpSync(join(work, "site-ca.pem"), join(root, "etc/ssl/site-ca.pem"));
    await Bun.write(join(root, "bin/sh"), elfFile({ machine: 183 }));
    cpSync(ARM64_LIBRARIES, join(root, "lib"), { recursive: true, verbatimSymlinks: true });
    const commands = commandsOf("For another processor", root);
    await expect(run(commands.replace(/--updater \S+/, ""))).rejects.toThrow("--updater FILE");
    await run(commands);

    const kept = readlinkSync(join(root, "usr/local/bin/teleport-update"));
    const release = `/opt/teleport/default/versions/${OLD}/bin/teleport-update`;
    for (const program of [kept, release]) {
      const { stdout } = Bun.spawnSync([QEMU, "-L", root, join(root, program), "version"], { env: {} });
      expect(stdout.toString()).toStartWith("Teleport v");
    }
  },
);
