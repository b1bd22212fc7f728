import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { makeAuthority } from "../support/certificates.ts";
import { startCuttingRelay } from "../support/cutting-relay.ts";
import { MIRROR_LOGIN, type MirrorKind, type Nginx, startNginx } from "../support/nginx.ts";
import { type Cluster, startCluster } from "./support/cluster.ts";
import { type RootedUpdater, rootedUpdater } from "./support/rooted-updater.ts";
import { messages } from "./support/updater-host.ts";

const VERSION = "18.1.0";
/** As large as a real one: 170 MB packed. */
const LARGE = "18.2.0";
const UNPACKED_BYTES = 650e6;
const CUTS = 20;
/** What may be under way when the line breaks: the updater takes up at what it has read. */
const CHUNK_BYTES = 1 << 20;

describe("nginx as a mirror", () => {
  let cluster: Cluster;
  let nginx: Nginx;
  let ca: string;
  let client: { cert: string; key: string };

  beforeAll(async () => {
    const authority = await makeAuthority();
    ca = authority.ca;
    const certificate = await authority.issue();
    client = await authority.issueClient("host.test");
    cluster = await startCluster([{ version: VERSION }, { version: LARGE, unpackedBytes: UNPACKED_BYTES }], {
      certificates: certificate,
    });
    nginx = await startNginx(cluster.releases ?? "", certificate);
  }, 300_000);
  afterAll(async () => {
    for (const part of [nginx, cluster]) await part?.[Symbol.asyncDispose]();
  });

  /** A secret of the host, as an operator would leave it there. */
  const secret = ({ root }: RootedUpdater, name: string, content: string) => {
    const path = `${root}/etc/${name}`;
    writeFileSync(path, content);
    chmodSync(path, 0o600);
    return path;
  };
  const enable = (...words: string[]) => ["enable", "--proxy", cluster.address, ...words];
  const asked = async (mirror: MirrorKind) => (await nginx.accessLog()).filter((line) => line.mirror === mirror);
  const archive = () => cluster.made[VERSION]?.urlPath ?? "";

  test("for everybody", async () => {
    using host = await rootedUpdater(ca);
    expect(await host.updater(enable("--base-url", nginx.urls.plain))).toMatchObject({ exitCode: 0 });
    expect((await asked("plain")).map(({ status, path }) => [status, path])).toEqual([
      [200, `${archive()}.sha256`],
      [200, archive()],
    ]);
  });

  test("with a password", async () => {
    using host = await rootedUpdater(ca);
    const closed = await host.updater(enable("--base-url", nginx.urls.basic));
    expect(closed.code).toBe("E_CHECKSUM");
    expect(closed.stderr).toContain("HTTP 401");
    const { login, password } = MIRROR_LOGIN;
    const netrc = secret(host, "mirror.netrc", `machine 127.0.0.1 login ${login} password ${password}\n`);
    expect(await host.updater(enable("--base-url", nginx.urls.basic, "--netrc", netrc))).toMatchObject({ exitCode: 0 });
    expect((await asked("basic")).map(({ status }) => status)).toEqual([401, 200, 200]);
  });

  test("for who shows a certificate", async () => {
    using host = await rootedUpdater(ca);
    const closed = await host.updater(enable("--base-url", nginx.urls.certificate));
    expect(closed.code).toBe("E_CHECKSUM");
    expect(closed.stderr).toContain("HTTP 400");
    expect(closed.stderr).toContain("--client-cert FILE --client-key FILE");
    const [cert, key] = [secret(host, "client.pem", client.cert), secret(host, "client.key", client.key)];
    const shown = ["--client-cert", cert, "--client-key", key];
    expect(await host.updater(enable("--base-url", nginx.urls.certificate, ...shown))).toMatchObject({ exitCode: 0 });
    // What is kept is enough for the next version.
    expect(await host.updater(["pin", "--force-version", VERSION])).toMatchObject({ exitCode: 0 });
    expect((await asked("certificate")).map(({ status }) => status)).toEqual([400, 200, 200, 200]);
  });

  test(`a release of real size over a line that is cut ${CUTS} times`, async () => {
    const made = cluster.made[LARGE];
    if (made === undefined) throw new Error("no large release");
    expect(made.bytes).toBeGreaterThan(165e6);
    const bytes = Math.floor(made.bytes / (CUTS + 1));
    await using relay = await startCuttingRelay(nginx.urls.plain, { bytes, times: CUTS });
    using host = await rootedUpdater(ca);
    const run = await host.updater(enable("--base-url", relay.url, "--force-version", LARGE));
    expect(run).toMatchObject({ exitCode: 0 });
    expect(relay.cuts).toHaveLength(CUTS);
    expect(messages(run, "warn").filter((message) => message === "Trying again.")).toHaveLength(CUTS);

    const answers = (await asked("plain")).filter(({ path }) => path === made.urlPath);
    expect(answers.map(({ status }) => status)).toEqual([200, ...Array(CUTS).fill(206)]);
    expect(new Set(answers.slice(1).map(({ ifRange }) => ifRange)).size).toBe(1);
    const starts = answers.map(({ range }) => Number(/^bytes=(\d+)-$/.exec(range)?.[1] ?? 0));
    const lost = relay.cuts.map((passed, index) => passed - ((starts[index + 1] ?? 0) - (starts[index] ?? 0)));
    expect(Math.max(...lost)).toBeLessThan(CHUNK_BYTES);
    expect(await Bun.file(`${host.root}/opt/teleport/default/versions/${LARGE}/sha256`).text()).toContain(made.sha256);
  }, 300_000);
});
