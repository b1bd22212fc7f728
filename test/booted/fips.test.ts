import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createPublicKey, createVerify } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { makeAuthority } from "../support/certificates.ts";
import { fipsExecutablePath } from "../support/executable.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { makeSigningKey } from "../support/signing-key.ts";
import { readiness } from "./support/agent.ts";
import { type Cluster, enableFrom, startCluster } from "./support/cluster.ts";
import {
  FIPS_PACKAGES,
  fipsConfig,
  installModule,
  MODULE_BY_REQUEST,
  OPENSSL_CONFIG,
  setKernelFlag,
} from "./support/fips-mode.ts";
import { timerHeldBack } from "./support/timer-run.ts";
import { bootUpdaterHost, messages, type UpdaterHost } from "./support/updater-host.ts";
import { configOf } from "./support/whole.ts";

const FLAGS = ["Enterprise", "FIPS"] as const;
const [FIRST, SECOND, THIRD] = ["18.1.0", "18.2.0", "18.3.0"];
const KEY = "/etc/teleport-key.pem";
const REFUSED = { exitCode: 1, stdout: "", code: "E_FIPS" };

describe("the FIPS variant", () => {
  let cluster: Cluster;
  let host: UpdaterHost;
  let plainConfig: string;
  beforeAll(async () => {
    const authority = await makeAuthority();
    const releases = [FIRST, SECOND, THIRD].map((version) => ({ version, flags: FLAGS }));
    const [first = { version: "" }, ...others] = releases;
    cluster = await startCluster([first, ...others], { certificates: await authority.issue() });
    const key = makeSigningKey();
    for (const release of Object.values(cluster.made)) key.sign(release);
    host = await bootUpdaterHost(cluster.ca, {
      suite: "trixie",
      packages: FIPS_PACKAGES,
      executable: await fipsExecutablePath(),
      files: { ...timerHeldBack(), [KEY]: key.publicPem },
    });
    plainConfig = await host.readFile(OPENSSL_CONFIG);
  }, 300_000);
  afterAll(async () => {
    await host?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  const enable = () => [...enableFrom(cluster), "--trusted-key", KEY];
  const reason = async (args: readonly string[]) => {
    const outcome = await host.updater(args);
    expect(outcome).toMatchObject(REFUSED);
    return String(outcome.log.at(-1)?.["error"]);
  };

  describe("is refused by a host", () => {
    test("that is not in FIPS mode, whatever it is told, but for its version and its help", async () => {
      const before = host.footprint();
      for (const command of [enable(), ["status"], ["update", "--now"], ["--insecure", "history"], ["verify"]]) {
        expect(await reason(command)).toContain("the kernel is not in FIPS mode");
      }
      expect((await host.updater(["version"])).stdout).toMatch(/^Teleport v\S+ git:\S+ bun\S+\nFIPS variant: .*\n$/);
      expect((await host.exec(["/srv/teleport-update", "--help"])).exitCode).toBe(0);
      expect([host.footprint(), cluster.requests]).toEqual([before, []]);
    });

    test("whose kernel alone is in FIPS mode", async () => {
      await setKernelFlag(host, "1");
      expect(await reason(["status"])).toContain("no active FIPS provider");
    });

    test("whose module is there and not used by default", async () => {
      await installModule(host);
      await host.writeFile(OPENSSL_CONFIG, MODULE_BY_REQUEST);
      expect(await reason(["status"])).toContain("computes MD5 when asked");
    });

    test("without curl, or with one that has no OpenSSL", async () => {
      await host.writeFile(OPENSSL_CONFIG, fipsConfig());
      await host.exec(["mv", "/usr/bin/curl", "/usr/bin/curl.away"]);
      expect(await reason(["status"])).toContain("`/usr/bin/curl` cannot be started");
      await host.writeFile("/usr/bin/curl", { content: "#!/bin/sh\necho curl 8.14.1 GnuTLS/3.8.9\n", mode: 0o755 });
      expect(await reason(["status"])).toContain("`/usr/bin/curl` of this host does not use OpenSSL");
      await host.exec(["mv", "/usr/bin/curl.away", "/usr/bin/curl"]);
    });
  });

  test("follows a cluster of another edition at its version, in the FIPS edition", async () => {
    cluster.find = { ...advertise(FIRST), edition: "oss", fips: false };
    const outcome = await host.succeed(enable());
    expect(messages(outcome, "info")).toContain(
      "This updater is of the FIPS variant: it follows the cluster's version in the FIPS edition.",
    );
    expect(configOf(host).status.active).toEqual({ version: FIRST, flags: [...FLAGS] });
    expect(await host.ask("systemctl", "cat", "teleport.service")).toContain("teleport start --fips --config");
    expect(await host.ask("teleport-update", "version")).toContain("\nFIPS variant: ");
  });

  test("believes a release by its signature, and tells what it was", async () => {
    const status = await host.succeed(["status"]);
    expect(status.stdout).toContain("\nproof: signature\n");
    const verified = await host.succeed(["verify"]);
    expect(verified.stdout).toMatch(/18\.1\.0.*as it was installed, \d+ files, accepted by its signature\n/);
    const program = `/opt/teleport/default/versions/${FIRST}_ent_fips/bin/tsh`;
    await host.exec(["sh", "-c", 'cp -p "$0" "$0.kept" && echo x >>"$0"', program]);
    expect((await host.updater(["verify"])).exitCode).toBe(1);
    await host.exec(["mv", `${program}.kept`, program]);
  });

  test("moves with the cluster, and watches the agent come up", async () => {
    await host.succeed(enable());
    await host.exec(["systemctl", "enable", "--now", "teleport.service"]);
    const before = (await readiness(host)).pid;
    cluster.find = advertise(SECOND);
    await host.succeed(["update", "--now"]);
    expect(configOf(host).status.active).toEqual({ version: SECOND, flags: [...FLAGS] });
    expect((await readiness(host)).pid).not.toBe(before);
  });

  test("shows a token to nobody but the server", async () => {
    const token = `token-${crypto.randomUUID()}`;
    await host.writeFile("/etc/mirror.token", { content: token, mode: 0o600 });
    cluster.requests.length = 0;
    const { result, commands, tellTale } = await watchPrograms(token, () =>
      host.succeed([...enable(), "--bearer-token-file", "/etc/mirror.token"]),
    );
    expect(result.exitCode).toBe(0);
    expect(cluster.requests.map(({ headers }) => headers["authorization"])).toContain(`Bearer ${token}`);
    expect([...commands]).toContain("/usr/bin/curl -q --config - ");
    expect(tellTale).toEqual([]);
  });

  test("makes a key of a site by the module, and signs with it what others believe", async () => {
    await host.succeed(["mirror", "keygen", "--to", "/root/site.key"]);
    const from = ["--from", cluster.baseUrl, "--trusted-key", KEY, "--version", SECOND, "--edition", "ent-fips"];
    await host.succeed([
      ...["mirror", "build", "--to", "/srv/mirror", "--arch", process.arch === "arm64" ? "arm64" : "amd64", ...from],
      ...["--sign", "/root/site.key", "--replace-signatures"],
    ]);
    const name = cluster.made[`${SECOND}_ent_fips`]?.fileName ?? "";
    const signature = Buffer.from(await host.readFile(`/srv/mirror/${name}.sig`), "base64");
    const archive = await Bun.file(cluster.made[`${SECOND}_ent_fips`]?.archive ?? "").bytes();
    const key = createPublicKey(await host.readFile("/root/site.key.pub"));
    expect(createVerify("sha256").update(archive).verify(key, signature)).toBe(true);
    await host.succeed(["mirror", "verify", "--at", "/srv/mirror", "--trusted-key", "/root/site.key.pub"]);
  });

  test("does not serve TLS of its own", async () => {
    const pair = ["--tls-cert", "/srv/tls.pem", "--tls-key", "/srv/tls.key"];
    const make = ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    await host.exec([...make, "-subj", "/CN=mirror", "-keyout", "/srv/tls.key", "-out", "/srv/tls.pem"]);
    const serve = ["mirror", "serve", "--at", "/srv/mirror", "--listen", "127.0.0.1:0", ...pair];
    expect(await reason(serve)).toContain("does not serve TLS");
  });

  describe("fails closed", () => {
    let before: string[];
    beforeAll(() => {
      cluster.find = advertise(THIRD);
      before = installed();
    });
    /** All but the settings, which tell the time of a failed update, and the oldest version, which makes room before. */
    const installed = () => host.footprint().filter((line) => !/\/update\.yaml 644 |\/18\.1\.0_ent_fips\//.test(line));

    test("when the module goes while it runs", async () => {
      const { urlPath = "" } = cluster.made[`${THIRD}_ent_fips`] ?? {};
      const text = `${cluster.made[`${THIRD}_ent_fips`]?.sha256}\n`;
      cluster.respond(`${urlPath}.sha256`, async () => {
        await host.writeFile(OPENSSL_CONFIG, plainConfig);
        return new Response(text);
      });
      expect(await host.updater(["update", "--now"])).toMatchObject(REFUSED);
      cluster.respond(`${urlPath}.sha256`, undefined);
      expect(installed()).toEqual(before);
    });

    test("when it is gone", async () => {
      expect(await reason(["update", "--now"])).toContain("no active FIPS provider");
      expect(await reason(["status"])).toContain("no active FIPS provider");
      expect(installed()).toEqual(before);
    });

    test("when the kernel left FIPS mode", async () => {
      await host.writeFile(OPENSSL_CONFIG, fipsConfig());
      await host.succeed(["status"]);
      await setKernelFlag(host, "0");
      expect(await reason(["update", "--now"])).toContain("the kernel is not in FIPS mode");
      expect(installed()).toEqual(before);
      await setKernelFlag(host, "1");
      await host.succeed(["update", "--now"]);
      expect(configOf(host).status.active).toEqual({ version: THIRD, flags: [...FLAGS] });
    });
  });
});

/** Looks at the command line and the environment of every program that runs while `work` does. */
async function watchPrograms<T>(secret: string, work: () => Promise<T>) {
  const commands = new Set<string>();
  const tellTale: string[] = [];
  let isOver = false;
  const running = work().finally(() => {
    isOver = true;
  });
  while (!isOver) {
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      const [words, environment] = [readQuietly(`/proc/${pid}/cmdline`), readQuietly(`/proc/${pid}/environ`)];
      commands.add(words);
      if (`${words}${environment}`.includes(secret)) tellTale.push(words);
    }
    await Bun.sleep(1);
  }
  return { result: await running, commands, tellTale };
}

/** Blanks for the NULs between the words; empty when the program has ended. */
function readQuietly(path: string): string {
  try {
    return readFileSync(path, "latin1").replaceAll("\0", " ");
  } catch {
    return "";
  }
}
