import { expect, test } from "bun:test";
import { readServerCertificate } from "../../src/mirror/server-certificate.ts";
import { makeAuthority } from "../support/certificates.ts";
import { temporaryHost } from "../support/temporary-host.ts";

const authority = await makeAuthority();
const [own, other, old] = [
  await authority.issue(),
  await authority.issue(),
  await authority.issue(undefined, "expired"),
];
const PATHS = { cert: "/cert.pem", key: "/key.pem" };

test("the chain and the key are read as they are", () => {
  using host = temporaryHost();
  host.write(PATHS.cert, own.cert + own.ca);
  host.write(PATHS.key, own.key, 0o640);
  expect(readServerCertificate(host.files, PATHS, new Date())).toEqual({ cert: own.cert + own.ca, key: own.key });
});

test.each([
  ["a missing certificate", undefined, own.key, 0o600, "`/cert.pem`: it does not exist"],
  ["a missing key", own.cert, undefined, 0o600, "`/key.pem`: it does not exist"],
  ["no certificate", own.key, own.key, 0o600, "`/cert.pem`: it holds no certificate"],
  ["no key", own.cert, own.cert, 0o600, "`/key.pem`: it holds no private key"],
  [
    "the key of another",
    own.cert,
    other.key,
    0o600,
    "`/key.pem`: it does not belong to the certificate in `/cert.pem`",
  ],
  ["an open key", own.cert, own.key, 0o644, "`/key.pem`: everybody may read it"],
  ["one in the place of the other", own.key, own.cert, 0o644, "and `/key.pem` a certificate: they seem to be swapped"],
  ["an old certificate", old.cert, old.key, 0o600, "`/cert.pem`: it was valid until 2"],
])("[threat signing-key] %s is refused before the server starts", (_, cert, key, mode, reason) => {
  using host = temporaryHost();
  if (cert !== undefined) host.write(PATHS.cert, cert);
  if (key !== undefined) host.write(PATHS.key, key, mode);
  expect(() => readServerCertificate(host.files, PATHS, new Date())).toThrow(
    expect.objectContaining({ code: "E_SERVE", message: expect.stringContaining(reason) }),
  );
});
