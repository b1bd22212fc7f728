import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { UpdateError } from "../../src/platform/errors.ts";
import { formatAddress, normalizeProxy, parseAddress, sameProxy } from "../../src/settings/address.ts";

describe("parseAddress", () => {
  test.each<[text: string, host: string, port: number | undefined]>([
    ["example.com", "example.com", undefined],
    ["Example.COM:443", "example.com", 443],
    ["https://example.com:8080", "example.com", 8080],
    ["HTTPS://example.com/web/login?x#y", "example.com", undefined],
    ["http://example.com?x", "example.com", undefined],
    ["tcp://proxy_1.example.com.:3025", "proxy_1.example.com.", 3025],
    ["localhost:3080", "localhost", 3080],
    ["192.0.2.1", "192.0.2.1", undefined],
    ["[2001:DB8::1]", "2001:db8::1", undefined],
    ["https://[::1]:3080/", "::1", 3080],
  ])("%p", (text, host, port) => expect(parseAddress(text)).toEqual({ host, port }));

  test.each([
    "",
    "https://",
    ":443",
    "unix:///run/proxy.sock",
    "ftp://example.com",
    "user@example.com",
    "https://user:password@example.com",
    "@123",
    "example.com:",
    "example.com:0",
    "example.com:65536",
    "example.com:443:443",
    "example.com:https",
    "example.com\\@evil.test",
    "example.com%2f@evil.test",
    "exa mple.com",
    " example.com",
    "example.com\n",
    "example.com\r\nX-Own: 1",
    "example.com\u0000",
    "exampl\u0435.com",
    "-example.com",
    "example..com",
    "a;reboot",
    "::1",
    "[::1",
    "[[::1]]",
    "[::1%25eth0]",
    "[192.0.2.1]",
    "127.1",
    "0x7f000001",
    "1.2.3.4.5",
    "192.0.2.256",
    `${"a".repeat(64)}.test`,
    `${"a.".repeat(127)}test`,
  ])("%p is refused", (text) => {
    expect(() => parseAddress(text)).toThrow(UpdateError);
  });

  test.each(["https://user:C4nary@example.com", "user:C4nary@example.com:443", "ldap://user:C4nary@example.com"])(
    "[threat no-secrets] %p is refused without its password",
    (text) => {
      const refusal = expect.objectContaining({
        code: "E_PROXY_ADDRESS",
        message: expect.not.stringContaining("C4nary"),
      });
      expect(() => parseAddress(text)).toThrow(refusal);
    },
  );

  test("whatever comes out stays the host and the port of a URL", () => {
    const pieces = fc.constantFrom(
      "example",
      ".",
      ":",
      "443",
      "[",
      "]",
      "::1",
      "@",
      "/",
      "\\",
      "?",
      "#",
      "%2f",
      " ",
      "\n",
      "1",
      "\u3002",
    );
    const texts = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.webUrl(),
      fc.array(pieces, { maxLength: 8 }).map((all) => all.join("")),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const address = parsed(text);
        if (address === undefined) return;
        const written = formatAddress(address);
        const url = new URL(`https://${written}/webapi/find`);
        expect([url.username, url.password, url.pathname, url.search, url.hash]).toEqual([
          "",
          "",
          "/webapi/find",
          "",
          "",
        ]);
        expect(url.port).toBe(address.port === undefined || address.port === 443 ? "" : String(address.port));
        if (!address.host.includes(":")) expect(url.hostname).toBe(address.host);
        expect(parseAddress(written)).toEqual(address);
      }),
    );
  });
});

test.each<[text: string, port: number, expected: string]>([
  ["https://example.com:8080", 3080, "example.com:8080"],
  ["example.com", 3080, "example.com:3080"],
  ["example.com:443", 3080, "example.com:443"],
  ["example.com", 3025, "example.com:3025"],
  ["[::1]", 3080, "[::1]:3080"],
])("normalizeProxy(%p, %p) is %p (updater-core 2.5)", (text, port, expected) => {
  expect(normalizeProxy(text, port)).toBe(expected);
});

test.each([
  ["https://example.com:8080", "example.com:8080", true],
  ["https://example.com", "example.com", true],
  ["@123", "@123", true],
  ["@123", "@124", false],
  ["example.com", "example.com:3080", false],
  ["example.com", "example.com:443", true],
  ["example.com", "example.org", false],
  ["", "", true],
  ["", "example.com", false],
])("[core 7.8] sameProxy(%p, %p) is %p", (a, b, expected) => {
  expect(sameProxy(a, b)).toBe(expected);
  expect(sameProxy(b, a)).toBe(expected);
});

function parsed(text: string) {
  try {
    return parseAddress(text);
  } catch (error) {
    if (error instanceof UpdateError && error.code === "E_PROXY_ADDRESS") return undefined;
    throw error;
  }
}
