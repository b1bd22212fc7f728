import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { UpdateError } from "../../src/platform/errors.ts";
import { openHttp } from "../../src/platform/fetch-http.ts";
import { hostFiles } from "../../src/platform/host-files.ts";
import { attempt } from "../../src/platform/path-errors.ts";
import { readTrustStore } from "../../src/platform/trust-store.ts";
import { makeAuthority } from "../support/certificates.ts";
import { startProxyAndCdn } from "../support/proxy-and-cdn.ts";

const DEBIAN = "/etc/ssl/certs/ca-certificates.crt";
const CA_FILE = "/root/ca.pem";
const WRONG = "-----BEGIN CERTIFICATE-----\nMIIBaaaa\n-----END CERTIFICATE-----\n";

const directory = mkdtempSync(join(tmpdir(), "trust-store-"));
let one: string;
let two: string;
beforeAll(async () => {
  one = (await makeAuthority("One")).ca;
  two = (await makeAuthority("Two")).ca;
});
afterAll(() => rmSync(directory, { recursive: true }));

describe("the host's bundle", () => {
  test.each([
    DEBIAN,
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/var/lib/ca-certificates/ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
  ])("%s is found", (path) => {
    expect(readTrustStore(host({ [path]: one }))).toEqual({ pem: one, files: [path] });
  });

  test("is taken without its comments and damaged entries", () => {
    const text = `# One\n${one}\n# Wrong\n${WRONG}# Two\n${two}`;
    expect(readTrustStore(host({ [DEBIAN]: text })).pem).toBe(one + two);
  });

  test.each([[{}], [{ [DEBIAN]: "" }], [{ [DEBIAN]: WRONG }]])(
    "[threat tls-trust] none in %j: nothing is trusted",
    (contents) => {
      expect(code(() => readTrustStore(host(contents)))).toBe("E_TRUST_STORE");
    },
  );

  test("an empty one does not hide the next", () => {
    expect(readTrustStore(host({ [DEBIAN]: "", "/etc/ssl/cert.pem": one })).files).toEqual(["/etc/ssl/cert.pem"]);
  });

  test("of more than 4 MiB is refused", () => {
    expect(code(() => readTrustStore(host({ [DEBIAN]: one + " ".repeat(4 << 20) })))).toBe("E_UNREADABLE_FILE");
  });
});

describe("a file of the operator's", () => {
  test("is added to the bundle, or is all there is", () => {
    const both = readTrustStore(host({ [DEBIAN]: one, [CA_FILE]: two }), CA_FILE);
    expect(both).toEqual({ pem: one + two, files: [DEBIAN, CA_FILE] });
    expect(readTrustStore(host({ [CA_FILE]: two }), CA_FILE)).toEqual({ pem: two, files: [CA_FILE] });
  });

  test.each([
    [undefined, "does not exist"],
    ["not a certificate", "holds no certificate"],
    ["-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "holds no certificate"],
    [WRONG, "holds a damaged certificate"],
  ])("%p is refused", (content, reason) => {
    const files = host({ [DEBIAN]: one, ...(content !== undefined && { [CA_FILE]: content }) });
    const message = `the file of certificate authorities \`${CA_FILE}\` ${reason}`;
    expect(() => readTrustStore(files, CA_FILE)).toThrow(new UpdateError("E_TRUST_STORE", message));
  });

  test("that is a directory is called so", () => {
    const files = host({ [DEBIAN]: one });
    files.makeDirectory(CA_FILE);
    expect(() => readTrustStore(files, CA_FILE)).toThrow(
      expect.objectContaining({
        code: "E_TRUST_STORE",
        message: `\`${files.real(CA_FILE)}\` is a directory`,
        hint: "name the file",
      }),
    );
  });

  test("that this user may not read is to be readable, and not to change its owner", () => {
    const files = host({ [CA_FILE]: one });
    const readOwnFollowed = (path: string) => attempt("read", path, () => refused("EACCES"));
    expect(() => readTrustStore({ ...files, readOwnFollowed }, CA_FILE)).toThrow(
      expect.objectContaining({
        code: "E_TRUST_STORE",
        message: `cannot read \`${CA_FILE}\`: permission denied`,
        hint: expect.stringContaining(`\`chmod a+r ${CA_FILE}\``),
      }),
    );
  });
});

test("[threat tls-trust] Bun's own roots and the machine's store do not count besides it", async () => {
  await using server = await startProxyAndCdn();
  const proxies = { httpsProxy: "", httpProxy: "", noProxy: "" };
  const ask = (pem: string) =>
    openHttp({ trust: () => ({ pem, files: [] }), insecure: false, proxies }).get(server.baseUrl);
  expect((await ask(server.ca)).status).toBe(404);
  await expect(ask(readTrustStore(host({ [DEBIAN]: one })).pem)).rejects.toMatchObject({ code: "E_TLS" });
});

/** What the kernel says to another user than root. */
function refused(code: string): never {
  throw Object.assign(new Error(code), { code });
}

/** A host with these files, and no others. */
function host(contents: Record<string, string>) {
  const root = mkdtempSync(join(directory, "host-"));
  for (const [path, content] of Object.entries(contents)) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return hostFiles(root);
}

function code(action: () => unknown): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    return error instanceof UpdateError ? error.code : String(error);
  }
}
