import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import type { EnrollRequest } from "../../src/update/enroll.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { type Site, startSite } from "../support/site.ts";
import { NAMESPACE, offlineHost, type UpdateHost } from "../support/update-host.ts";

setDefaultTimeout(60_000);

let site: Site;
beforeAll(async () => {
  site = await startSite();
  site.server.find = advertise("18.0.0");
});
afterAll(() => site[Symbol.asyncDispose]());

/** A host with a folder in which everybody may make files, as `/tmp` is. */
function hostWithSharedFolder(): UpdateHost {
  const host = offlineHost(site);
  host.files.makeDirectory("/tmp");
  chmodSync(join(host.root, "tmp"), 0o1777);
  return host;
}

async function failureOf(work: Promise<void>) {
  return await work.then(
    () => expect.unreachable(),
    (failure) => failure,
  );
}

describe("a mistyped path in a shared folder does not exist, and no folder is made in its place", () => {
  const options: [string, string, (path: string) => EnrollRequest["options"]][] = [
    ["--ca-file", "E_TRUST_STORE", (caFile) => ({ caFile })],
    ["--trusted-key", "E_TRUSTED_KEY", (path) => ({ trustedKeys: [path] })],
    ["--netrc", "E_CREDENTIALS", (netrcFile) => ({ netrcFile })],
    ["--bearer-token-file", "E_CREDENTIALS", (bearerTokenFile) => ({ bearerTokenFile })],
    ["--client-cert", "E_CREDENTIALS", (clientCertificate) => ({ clientCertificate })],
    ["--client-key", "E_CREDENTIALS", (clientKey) => ({ clientKey })],
  ];

  test.each(options)("of `%s`", async (flag, code, named) => {
    using host = hostWithSharedFolder();
    const path = join(host.root, "tmp/nope.pem");
    site.takeRequests();
    const failure = await failureOf(host.enroll({ options: named(path) }));
    expect(failure).toMatchObject({
      code,
      message: `the file \`${path}\` does not exist`,
      hint: `check the path behind \`${flag}\``,
    });
    expect(site.takeRequests()).toEqual([]);
  });
});

test("a file without a key is refused before the cluster is asked", async () => {
  using host = offlineHost(site);
  host.write("/etc/key.pem", "no key");
  site.takeRequests();
  const failure = await failureOf(host.enroll({ options: { trustedKeys: [join(host.root, "etc/key.pem")] } }));
  expect(failure.code).toBe("E_TRUSTED_KEY");
  expect(site.takeRequests()).toEqual([]);
});

test.if(process.geteuid?.() === 0)(
  "a kept file that anybody could make now is refused, and no folder advised",
  async () => {
    using host = hostWithSharedFolder();
    host.write(NAMESPACE.options, "version: v1\nkind: updater_options\nca_file: /tmp/gone.pem\n");
    expect(await failureOf(host.enroll())).toMatchObject({
      code: "E_OPEN_PLACE",
      message: `\`${host.root}/tmp/gone.pem\` does not exist, and others than root may make it`,
      hint: "restore the file where only root may write, and name it there",
    });
  },
);
