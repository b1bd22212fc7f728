import { expect } from "bun:test";
import { dirname } from "node:path";
import fc from "fast-check";
import { parseFindAnswer } from "../../src/cluster/find-answer.ts";
import { proxyFor } from "../../src/platform/connect-proxy.ts";
import { UpdateError } from "../../src/platform/errors.ts";
import { httpSource } from "../../src/release/http-source.ts";
import { formatAddress, parseAddress, sameProxy } from "../../src/settings/address.ts";
import { checkBaseUrl } from "../../src/settings/base-url.ts";
import { namespaceFor, versionDirectory } from "../../src/settings/namespace.ts";
import {
  parseRevisionDirectory,
  parseVersion,
  REVISION_FLAGS,
  revision,
  revisionDirectory,
} from "../../src/settings/revision.ts";
import { testWorld } from "../support/test-world.ts";
import { answerOf, type FuzzTarget } from "./target.ts";

const NAMESPACE = namespaceFor("");
const WORLD = testWorld("/");
const pieces = (...all: string[]) =>
  fc
    .array(fc.oneof(fc.constantFrom(...all), fc.string({ unit: "binary", maxLength: 3 })), { maxLength: 8 })
    .map((parts) => parts.join(""));

const addresses: FuzzTarget = {
  name: "addresses",
  runs: 2000,
  property: fc.property(
    pieces(
      "https://",
      "tcp://",
      "example.com",
      "a",
      ".",
      ":",
      "443",
      "@",
      "/",
      "?",
      "#",
      "[",
      "]",
      "::1",
      "127.1",
      "0x7f",
      "%41",
      "xn--",
    ),
    (text) => {
      const address = answerOf(() => parseAddress(text), "E_PROXY_ADDRESS");
      if (address instanceof UpdateError) return;
      const written = formatAddress(address);
      const url = new URL(`https://${written}/webapi/find`);
      expect([url.username, url.password, url.pathname, url.search, url.hash]).toEqual([
        "",
        "",
        "/webapi/find",
        "",
        "",
      ]);
      expect(Number(url.port || 443)).toBe(address.port ?? 443);
      if (!address.host.includes(":")) expect(url.hostname).toBe(address.host);
      expect(parseAddress(written)).toEqual(address);
      expect(sameProxy(text, written)).toBe(true);
    },
  ),
};

const baseUrls: FuzzTarget = {
  name: "base URLs",
  runs: 2000,
  property: fc.property(
    pieces(
      "https://",
      "http://",
      "mirror.test",
      "/",
      "..",
      "%2e%2e",
      "\\",
      ":",
      "8443",
      "@",
      "user:word",
      "?",
      "#",
      "[::1]",
      " ",
    ),
    (text) => {
      const refusal = answerOf(() => checkBaseUrl(text, "given"), "E_BASE_URL");
      if (refusal instanceof UpdateError || text === "") return;
      const base = new URL(text);
      const archive = new URL(httpSource(WORLD, text).locate("release.tar.gz"));
      expect([archive.origin, archive.search, archive.hash, archive.username, archive.password]).toEqual([
        base.origin,
        "",
        "",
        "",
        "",
      ]);
      expect(archive.protocol).toBe("https:");
      expect(archive.pathname).toBe(`${base.pathname.replace(/\/$/, "")}/release.tar.gz`);
    },
  ),
};

const versionText = pieces("v", "1", "18", "0", ".", "-", "+", "rc", "/", "..", "_ent", "_ent_fips", "\n", "%2f", "\\");
const flags = fc.subarray([...REVISION_FLAGS]);

const versions: FuzzTarget = {
  name: "versions",
  runs: 3000,
  property: fc.property(
    fc.oneof(
      versionText,
      versionText.map((tail) => `18.1.0${tail}`),
    ),
    flags,
    (text, given) => {
      const version = answerOf(() => parseVersion(text, "the version"), "E_VERSION");
      if (version instanceof UpdateError) return;
      const directory = versionDirectory(NAMESPACE, revision(version, given));
      expect(dirname(directory)).toBe(NAMESPACE.versions);
      expect(new URL(`https://x/${version}`).pathname).toBe(`/${version}`);
      expect(parseVersion(version, "the version")).toBe(version);
      const held = revision(version, given.includes("FIPS") ? REVISION_FLAGS : given);
      expect(parseRevisionDirectory(revisionDirectory(held))).toEqual(held);
    },
  ),
};

const directories: FuzzTarget = {
  name: "version directories",
  runs: 1000,
  property: fc.property(fc.oneof(versionText, pieces("18.1.0", "_", "ent", "fips")), (text) => {
    const found = answerOf(() => parseRevisionDirectory(text), "E_VERSION");
    if (!(found instanceof UpdateError)) expect(revisionDirectory(found)).toBe(text);
  }),
};

const someValue = fc.oneof(
  fc.jsonValue({ maxDepth: 1 }),
  fc.constantFrom("18.1.0", "../../etc", "ent", "oss", 1e300, -1, 0.5),
);
const someKeys = fc.dictionary(
  fc.constantFrom(
    "__proto__",
    "constructor",
    "toString",
    "auto_update",
    "edition",
    "fips",
    "agent_version",
    "agent_update_jitter_seconds",
    "agent_auto_update",
  ),
  someValue,
);

const findAnswers: FuzzTarget = {
  name: "find answers",
  runs: 2000,
  property: fc.property(someKeys, fc.option(someKeys), fc.array(fc.nat(200), { maxLength: 2 }), (top, update, cuts) => {
    const whole = JSON.stringify(update === null ? top : { ...top, auto_update: update });
    const text = cuts.reduce((left, at) => left.slice(0, at) + left.slice(at + 1), whole);
    const answer = answerOf(
      () => parseFindAnswer({ status: 200, headers: new Headers(), text, proxy: "proxy.test" }),
      "E_FIND",
      "E_VERSION",
    );
    if (answer instanceof UpdateError) return;
    const { version } = answer.target;
    if (version !== "") expect(parseVersion(version, "the version")).toBe(version);
    expect(answer.jitterSeconds >= 0 && answer.jitterSeconds <= 1800).toBe(true);
    // Only what the answer itself says counts.
    const said: unknown = JSON.parse(text);
    expect(answer).toEqual(
      parseFindAnswer({
        status: 200,
        headers: new Headers(),
        text: JSON.stringify(ownOnly(said)),
        proxy: "proxy.test",
      }),
    );
  }),
};

const KNOWN_KEYS = [
  "auto_update",
  "edition",
  "fips",
  "agent_version",
  "agent_update_jitter_seconds",
  "agent_auto_update",
];

function ownOnly(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => KNOWN_KEYS.includes(key))
      .map(([key, held]) => [key, ownOnly(held)]),
  );
}

const host = fc.stringMatching(/^[a-c]{1,2}(\.[a-c]{1,2}){0,2}$/);

const noProxy: FuzzTarget = {
  name: "NO_PROXY",
  runs: 2000,
  property: fc.property(
    host,
    fc.array(
      fc.oneof(
        host,
        host.map((name) => `.${name}`),
        host.map((name) => `*.${name}`),
        fc.constant(" "),
      ),
    ),
    (name, entries) => {
      const spared = entries.some((entry) => {
        const domain = entry.trim().replace(/^\*?\./, "");
        return domain !== "" && ((name === domain && entry === domain) || name.endsWith(`.${domain}`));
      });
      const proxies = { httpsProxy: "http://proxy.test:3128", httpProxy: "", noProxy: entries.join(",") };
      expect(proxyFor(new URL(`https://${name}/`), proxies) === undefined).toBe(spared);
    },
  ),
};

const proxyWords: FuzzTarget = {
  name: "HTTPS_PROXY",
  runs: 2000,
  property: fc.property(
    pieces("http://", "https://", "socks5://", "proxy.test", ":", "3128", "@", "/", "[", "]", "%"),
    pieces("*", ",", ".", ":", "10.0.0.0/8", "::/0", "[::1]", "example.com", "443"),
    (word, noProxy) => {
      const written = word.replace("://", "://user:secret-word@");
      const url = new URL("https://example.com/");
      const proxy = answerOf(() => proxyFor(url, { httpsProxy: written, httpProxy: "", noProxy }), "E_CONNECT_PROXY");
      if (proxy instanceof UpdateError) expect(`${proxy.message} ${proxy.hint}`).not.toContain("secret-word");
      else if (proxy !== undefined) expect(proxy.protocol).toMatch(/^https?:$/);
    },
  ),
};

export const NETWORK_TARGETS: readonly FuzzTarget[] = [
  addresses,
  baseUrls,
  versions,
  directories,
  findAnswers,
  noProxy,
  proxyWords,
];
