import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type InstallOptions, NOTING_PROGRAM, runInstallScript } from "../../support/install-run.ts";
import { startTarballServer, type TarballServer } from "../../support/tarball-server.ts";

const ARCHITECTURE = process.arch === "x64" ? "amd64" : "arm64";
const FIPS_TARBALL = `teleport-update-v0.2.0-linux-${ARCHITECTURE}-fips-bin.tar.gz`;
const CA = ["--ca-file", "/mnt/ca.pem"];

let server: TarballServer;
beforeAll(async () => {
  const kinds = ["linux-amd64-fips", "linux-arm64-fips"];
  server = await startTarballServer({ version: "0.2.0", kinds, program: { script: NOTING_PROGRAM } });
}, 60_000);
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => void server.takeRequests());

/** Does what the host's does, but only as one with a module that is asked for it. */
const MODULE = `#!/bin/sh
[ "$1 $2 $3 $4" = "dgst -sha256 -propquery fips=yes" ] || exit 1
shift 4
exec /mnt/real-openssl dgst -sha256 "$@"
`;
const BEFORE = [
  "mount -t tmpfs tmpfs /proc/sys; mkdir /proc/sys/crypto; echo 1 >/proc/sys/crypto/fips_enabled",
  "cp /usr/bin/openssl /mnt/real-openssl; chmod 0755 /mnt/real-openssl /mnt/openssl",
  "mount --bind /mnt/openssl /usr/bin/openssl",
].join("\n");

const run = (openssl: string, { cover = {} }: InstallOptions = {}) =>
  runInstallScript(server.release.script, CA, { files: { "ca.pem": server.ca, openssl }, before: BEFORE, cover });

test("a host in FIPS mode gets the program for it, whose digest its module makes", async () => {
  expect(await run(MODULE, { cover: { "/usr/bin/sha256sum": "" } })).toMatchObject({ exitCode: 0, left: [] });
  expect(server.takeRequests()).toEqual([`/default/${FIPS_TARBALL}`]);
});

describe("nothing is fetched for a host in FIPS mode", () => {
  const curl = (libraries: string) => ({
    "/usr/bin/curl": `#!/bin/sh\necho 'curl 7.88.1 (x86_64-pc-linux-gnu) libcurl/7.88.1 ${libraries} zlib/1.2.13'\n`,
  });

  test.each<[string, string, InstallOptions, string]>([
    ["whose openssl has no module", "#!/bin/sh\nexit 1\n", {}, "`openssl dgst -sha256 -propquery fips=yes` fails"],
    ["whose curl uses NSS", MODULE, { cover: curl("NSS/3.44") }, "its `curl` does not use OpenSSL"],
    ["whose curl could use OpenSSL", MODULE, { cover: curl("GnuTLS/3.7.9 (OpenSSL/3.0.1)") }, "does not use OpenSSL"],
  ])("%s", async (_, openssl, options, reason) => {
    const outcome = await run(openssl, options);
    expect(outcome).toMatchObject({ exitCode: 1, words: undefined, left: [] });
    expect(outcome.output).toContain(reason);
    expect(outcome.output).toContain("needs OpenSSL 3.0 or later with a FIPS module");
    expect(outcome.output).toContain("take upstream's own updater");
    expect(server.takeRequests()).toEqual([]);
  });
});
