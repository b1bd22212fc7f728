import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { rmSync } from "node:fs";
import { versionDirectory } from "../../src/settings/namespace.ts";
import { revision } from "../../src/settings/revision.ts";
import type { EnrollRequest } from "../../src/update/enroll.ts";
import { formatStatus } from "../../src/update/status-format.ts";
import { advertise, type FindBody } from "../support/proxy-and-cdn.ts";
import type { MadeRelease } from "../support/release-maker.ts";
import { makeSigningKey } from "../support/signing-key.ts";
import { type Site, startSite } from "../support/site.ts";
import { NAMESPACE, offlineHost, type UpdateHost } from "../support/update-host.ts";

// For busy machines: each test installs whole releases.
setDefaultTimeout(60_000);

const KEY = "/etc/releases.pem";
const OTHER_KEY = "/etc/other.pem";
const OTHER_DIGEST = "a".repeat(64);
const SKIPPED = "The signature of the release is not asked for, as the operator wants it.";
const key = makeSigningKey();

let site: Site;
/** Two are signed, the third is not. */
const made: Record<string, MadeRelease> = {};
beforeAll(async () => {
  site = await startSite();
  for (const version of ["18.0.0", "18.1.0", "18.2.0"]) made[version] = await site.release({ version });
  for (const version of ["18.0.0", "18.1.0"]) key.sign(release(version));
});
afterAll(() => site[Symbol.asyncDispose]());

function release(version: string): MadeRelease {
  const found = made[version];
  if (found === undefined) throw new Error(`no release ${version}`);
  return found;
}

/** A host with a key that signed the releases, and one that did not. */
function host(): UpdateHost {
  const host = offlineHost(site);
  host.write(KEY, key.publicPem);
  host.write(OTHER_KEY, makeSigningKey().publicPem);
  return host;
}

const trusting = (host: UpdateHost, ...keys: string[]): Partial<EnrollRequest> => ({
  options: { trustedKeys: keys.map((path) => `${host.root}${path}`) },
});
const codeOf = (work: Promise<void>) =>
  work.then(
    () => undefined,
    (failure) => failure.code,
  );
const proofOf = (host: UpdateHost, version: string) =>
  JSON.parse(host.read(`${versionDirectory(NAMESPACE, revision(version))}/proof.json`));
const statusOf = async (host: UpdateHost) => formatStatus(await host.status());

/** Nothing on the host changes, and it fails with this code. */
async function refuses(host: UpdateHost, work: () => Promise<void>): Promise<string> {
  const before = host.tree();
  const code = await codeOf(work());
  expect(host.tree()).toEqual(before);
  return code;
}

describe("a trusted key", () => {
  test("is kept: the next update asks for a signature too, and the proof is told everywhere", async () => {
    using a = host();
    site.server.find = advertise("18.0.0");
    await a.enroll(trusting(a, KEY));
    expect(a.read(NAMESPACE.options)).toContain(`trusted_keys:\n  - ${KEY}\n`);
    site.server.find = advertise("18.1.0");
    site.takeRequests();
    await a.update();
    expect(site.takeRequests()).toContain(`${release("18.1.0").urlPath}.sig`);
    expect(a.world.log.lines.join("\n")).toMatch(/proof:signature sha256:[0-9a-f]{64} key:SHA256:/);
    expect(proofOf(a, "18.1.0")).toEqual({
      proof: "signature",
      sha256: release("18.1.0").sha256,
      key: expect.stringMatching(/^SHA256:/),
      place: `${site.server.baseUrl}${release("18.1.0").urlPath}`,
      accepted: expect.stringMatching(/^\d{4}-.*Z$/),
      updater: expect.any(String),
    });
    expect(await statusOf(a)).toContain("\nproof: signature\n");
  });

  test("one of several is enough", async () => {
    using a = host();
    site.server.find = advertise("18.0.0");
    await a.enroll(trusting(a, OTHER_KEY, KEY));
    expect(proofOf(a, "18.0.0").proof).toBe("signature");
  });

  test.each<[string, string, string[]]>([
    ["that did not sign", "18.0.0", [OTHER_KEY]],
    ["and no signature beside the archive", "18.2.0", [KEY]],
  ])("%s: nothing of the archive is fetched", async (_, version, keys) => {
    using a = host();
    site.server.find = advertise(version);
    site.takeRequests();
    expect(await refuses(a, () => a.enroll(trusting(a, ...keys)))).toBe("E_SIGNATURE");
    expect(site.takeRequests()).not.toContain(release(version).urlPath);
  });

  test("that is gone is never no key: the host stays, and says so in `last_update`", async () => {
    using a = host();
    site.server.find = advertise("18.0.0");
    await a.enroll(trusting(a, KEY));
    rmSync(`${a.root}${KEY}`);
    site.server.find = advertise("18.1.0");
    expect(await codeOf(a.update())).toBe("E_TRUSTED_KEY");
    expect(a.files.list(NAMESPACE.versions)).toEqual(["18.0.0"]);
    expect(await statusOf(a)).toContain("last_update:\n    success: false\n");
  });

  test("that the update meets without a signature leaves the active version", async () => {
    using a = host();
    site.server.find = advertise("18.0.0");
    await a.enroll(trusting(a, KEY));
    site.server.find = advertise("18.2.0");
    expect(await codeOf(a.update())).toBe("E_SIGNATURE");
    expect(a.files.list(NAMESPACE.versions)).toEqual(["18.0.0"]);
    expect(a.config()).not.toContain("skip:");
  });

  test("that is given later counts for what is installed already", async () => {
    using a = host();
    site.server.find = advertise("18.0.0");
    await a.enroll();
    expect(await statusOf(a)).toContain("\nproof: checksum\n");
    await a.enroll(trusting(a, KEY));
    expect(await statusOf(a)).toContain("\nproof: signature\n");
    await a.enroll({ options: { trustedKeys: "default" } });
    expect(await statusOf(a)).toContain("\nproof: signature\n");
    expect(await refuses(a, () => a.enroll(trusting(a, OTHER_KEY)))).toBe("E_SIGNATURE");
  });

  test("is forgotten with `default`", async () => {
    using a = host();
    site.server.find = advertise("18.0.0");
    await a.enroll(trusting(a, KEY));
    await a.enroll({ options: { trustedKeys: "default" } });
    site.server.find = advertise("18.2.0");
    await a.update();
    expect(await statusOf(a)).toContain("\nproof: checksum\n");
  });
});

describe("a signature that is not asked for", () => {
  test("warns, is kept, recorded, and taken back", async () => {
    using a = host();
    site.server.find = advertise("18.2.0");
    const { options } = trusting(a, KEY);
    await a.enroll({ options: { ...options, skipSignature: true } });
    expect(a.world.log.lines).toContainEqual(expect.stringContaining(`WARN ${SKIPPED}`));
    expect(a.read(NAMESPACE.options)).toContain("insecure_skip_signature: true\n");
    expect(proofOf(a, "18.2.0")).toMatchObject({ proof: "checksum", skipped_signature: true });
    expect(await statusOf(a)).toContain("\nproof: checksum, signature skipped\n");

    const said = a.world.log.lines.length;
    await a.update();
    expect(a.world.log.lines.slice(said).filter((line) => line.includes(SKIPPED))).toEqual([`WARN ${SKIPPED}`]);

    site.server.find = advertise("18.1.0");
    await a.update();
    expect(proofOf(a, "18.1.0")).toMatchObject({ proof: "checksum", skipped_signature: true });

    await a.enroll({ options: { skipSignature: "default" }, forceVersion: "18.0.0" });
    expect(proofOf(a, "18.0.0")).toMatchObject({ proof: "signature" });
    expect(proofOf(a, "18.0.0")).not.toHaveProperty("skipped_signature");
    const again = a.world.log.lines.length;
    site.server.find = advertise("18.0.0");
    await a.update();
    expect(a.world.log.lines.slice(again).join("\n")).not.toContain(SKIPPED);
  });
});

describe("a pinned digest", () => {
  const fromCluster = (version: string, sha256: string): FindBody => {
    const find = advertise(version);
    return { ...find, auto_update: { ...find.auto_update, agent_digests: { [release(version).fileName]: sha256 } } };
  };

  test("of the operator is the proof, and needs no checksum on the mirror", async () => {
    using a = host();
    site.server.find = advertise("18.2.0");
    const checksum = `${release("18.2.0").urlPath}.sha256`;
    site.server.respond(checksum, () => new Response(null, { status: 404 }));
    await a.enroll({ digest: release("18.2.0").sha256 }).finally(() => site.server.respond(checksum, undefined));
    expect(await statusOf(a)).toContain("\nproof: pinned digest\n");
  });

  test("of the cluster is the proof, of every run", async () => {
    using a = host();
    site.server.find = fromCluster("18.1.0", release("18.1.0").sha256);
    await a.enroll();
    expect(proofOf(a, "18.1.0").proof).toBe("pinned digest");
    site.server.find = fromCluster("18.2.0", OTHER_DIGEST);
    expect(await codeOf(a.update())).toBe("E_CHECKSUM");
    expect(a.files.list(NAMESPACE.versions)).toEqual(["18.1.0"]);
  });

  test("is less than a signature, which is asked for all the same", async () => {
    using a = host();
    site.server.find = fromCluster("18.0.0", release("18.0.0").sha256);
    await a.enroll(trusting(a, KEY));
    expect(proofOf(a, "18.0.0").proof).toBe("signature");
  });

  test.each<[string, () => FindBody, Partial<EnrollRequest>, string]>([
    ["of the operator, another", () => advertise("18.1.0"), { digest: OTHER_DIGEST }, "E_CHECKSUM"],
    ["of the cluster, another", () => fromCluster("18.1.0", OTHER_DIGEST), {}, "E_CHECKSUM"],
    ["of the cluster, no digest", () => fromCluster("18.1.0", "xyz"), {}, "E_FIND"],
    [
      "of both, which do not agree",
      () => fromCluster("18.1.0", release("18.1.0").sha256),
      { digest: OTHER_DIGEST },
      "E_CHECKSUM",
    ],
  ])("%s: nothing of the archive is fetched, and nothing changes", async (_, find, request, code) => {
    using a = host();
    site.server.find = find();
    site.takeRequests();
    expect(await refuses(a, () => a.enroll(request))).toBe(code);
    expect(site.takeRequests()).not.toContain(release("18.1.0").urlPath);
  });
});

test("[threat own-version] a signed old release under the name of a new one is found out", async () => {
  using old = host();
  site.server.find = advertise("18.0.0");
  await old.enroll(trusting(old, KEY));
  const { archive, urlPath } = release("18.0.0");
  const asNew = urlPath.replace("18.0.0", "18.9.0");
  for (const ending of ["", ".sha256", ".sig"])
    site.server.respond(`${asNew}${ending}`, () => new Response(Bun.file(`${archive}${ending}`)));
  site.server.find = advertise("18.9.0");
  await expect(old.update()).rejects.toMatchObject({
    code: "E_OTHER_VERSION",
    message: expect.stringContaining("the release is not 18.9.0: its `VERSION` file says"),
  });
  expect(old.files.readLink("/usr/local/bin/teleport")).toContain("/18.0.0/");
});

test("the cluster's digests of other archives are passed over", async () => {
  using a = host();
  const find = advertise("18.1.0");
  site.server.find = { ...find, auto_update: { ...find.auto_update, agent_digests: { other: OTHER_DIGEST } } };
  await a.enroll();
  expect(await statusOf(a)).toContain("\nproof: checksum\n");
});
