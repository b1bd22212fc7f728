import { describe, expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { readCredentials } from "../../src/settings/credentials.ts";
import type { UpdaterOptions } from "../../src/settings/options.ts";
import { makeAuthority } from "../support/certificates.ts";
import { temporaryHost } from "../support/temporary-host.ts";

const URL = "https://mirror.example.com:8443/teleport";
const NETRC = "machine mirror.example.com login me password secret-word\ndefault login a password b\n";
const { cert: CERT, key: KEY } = await (await makeAuthority("one")).issue(["host.test"]);
const { key: ANOTHER_KEY } = await (await makeAuthority("two")).issue(["host.test"]);

function read(files: Record<string, string>, options: UpdaterOptions, mode = 0o600, url = URL) {
  using host = temporaryHost();
  for (const [path, content] of Object.entries(files)) {
    host.write(path, content);
    chmodSync(`${host.root}${path}`, mode);
  }
  return readCredentials(host.files, options, url);
}

test("no options, nothing to show", () => {
  expect(read({}, {})).toEqual({ headers: {} });
});

test("a netrc entry of the host becomes basic authentication", () => {
  const Authorization = `Basic ${Buffer.from("me:secret-word").toString("base64")}`;
  expect(read({ "/n": NETRC }, { netrcFile: "/n" }).headers).toEqual({ Authorization });
  expect(read({ "/n": NETRC }, { netrcFile: "/n" }, 0o600, "https://other.example.com").headers).toEqual({});
});

test.each(["https://cdn.teleport.dev", "https://CDN.teleport.dev:443/some/path", "https://cdn.teleport.dev.:8443"])(
  "the official CDN is shown nothing: %s",
  (cdn) => {
    const files = { "/n": "machine cdn.teleport.dev login a password b", "/c": CERT, "/k": KEY };
    const options = { netrcFile: "/n", clientCertificate: "/c", clientKey: "/k" };
    expect(read(files, options, 0o600, cdn)).toEqual({ headers: {} });
    expect(read({ "/t": "abc" }, { bearerTokenFile: "/t" }, 0o600, cdn)).toEqual({ headers: {} });
    expect(() => read(files, options, 0o644, cdn)).toThrow("can be read by others");
  },
);

test("a link is followed, and the mode of its end counts", () => {
  using host = temporaryHost();
  host.write("/secrets/token", "abc");
  host.link("/t", "secrets/token");
  const options = { bearerTokenFile: "/t" };
  chmodSync(`${host.root}/secrets/token`, 0o600);
  expect(readCredentials(host.files, options, URL).headers).toEqual({ Authorization: "Bearer abc" });
  chmodSync(`${host.root}/secrets/token`, 0o644);
  expect(() => readCredentials(host.files, options, URL)).toThrow("can be read by others");
});

test("a directory is called so, and not told to be closed", () => {
  using host = temporaryHost();
  host.files.makeDirectory("/n");
  expect(() => readCredentials(host.files, { netrcFile: "/n" }, URL)).toThrow(
    expect.objectContaining({
      code: "E_CREDENTIALS",
      message: `\`${host.root}/n\` is a directory`,
      hint: "name the file",
    }),
  );
});

test("a token becomes a bearer token", () => {
  expect(read({ "/t": "abc.def\n" }, { bearerTokenFile: "/t" }).headers).toEqual({ Authorization: "Bearer abc.def" });
});

test("a certificate comes with its key", () => {
  const options = { clientCertificate: "/c", clientKey: "/k" };
  expect(read({ "/c": CERT, "/k": KEY }, options).certificate).toEqual({ cert: CERT, key: KEY });
});

test("a certificate is no secret", () => {
  using host = temporaryHost();
  writeFileSync(`${host.root}/c`, CERT, { mode: 0o644 });
  writeFileSync(`${host.root}/k`, KEY, { mode: 0o400 });
  const options = { clientCertificate: "/c", clientKey: "/k" };
  expect(readCredentials(host.files, options, URL).certificate?.cert).toBe(CERT);
});

describe("refused, without a word of what is in it", () => {
  test.each<[string, Record<string, string>, UpdaterOptions, number, string]>([
    ["a netrc that all may read", { "/n": NETRC }, { netrcFile: "/n" }, 0o644, "can be read by others"],
    ["a netrc that the group may read", { "/n": NETRC }, { netrcFile: "/n" }, 0o640, "can be read by others"],
    ["a netrc that others may write", { "/n": NETRC }, { netrcFile: "/n" }, 0o602, "lets others write it"],
    ["no netrc", {}, { netrcFile: "/n" }, 0o600, "does not exist"],
    [
      "a broken netrc",
      { "/n": "machine mirror.example.com login me passwort secret-word" },
      { netrcFile: "/n" },
      0o600,
      "line 1 of",
    ],
    ["a token that all may read", { "/t": "secret-word" }, { bearerTokenFile: "/t" }, 0o604, "can be read by others"],
    ["an empty token", { "/t": "\n" }, { bearerTokenFile: "/t" }, 0o600, "holds no token"],
    ["two tokens", { "/t": "secret-word\nother\n" }, { bearerTokenFile: "/t" }, 0o600, "something else than one token"],
    [
      "a netrc entry and a token",
      { "/n": NETRC, "/t": "x" },
      { netrcFile: "/n", bearerTokenFile: "/t" },
      0o600,
      "both hold",
    ],
    ["a certificate alone", { "/c": CERT }, { clientCertificate: "/c" }, 0o600, "belong together"],
    ["a key alone", { "/k": KEY }, { clientKey: "/k" }, 0o600, "belong together"],
    [
      "a key of another certificate",
      { "/c": CERT, "/k": ANOTHER_KEY },
      { clientCertificate: "/c", clientKey: "/k" },
      0o600,
      "do not belong together",
    ],
    [
      "a key in the certificate's place",
      { "/c": KEY, "/k": KEY },
      { clientCertificate: "/c", clientKey: "/k" },
      0o600,
      "no certificate",
    ],
    [
      "a key with a password",
      { "/c": CERT, "/k": "-----BEGIN ENCRYPTED PRIVATE KEY-----" },
      { clientCertificate: "/c", clientKey: "/k" },
      0o600,
      "without a password",
    ],
    [
      "a key that all may read",
      { "/c": CERT, "/k": KEY },
      { clientCertificate: "/c", clientKey: "/k" },
      0o644,
      "can be read by others",
    ],
  ])("%s", (_, files, options, mode, reason) => {
    const failure = expect.objectContaining({
      code: "E_CREDENTIALS",
      message: expect.stringContaining(reason),
      hint: expect.stringMatching(/./),
    });
    expect(() => read(files, options, mode)).toThrow(failure);
    expect(() => read(files, options, mode)).not.toThrow("secret-word");
  });
});
