import { describe, expect, test } from "bun:test";
import { checkBaseUrl } from "../../src/settings/base-url.ts";

describe("checkBaseUrl", () => {
  test.each(["", "https://example.com", "HTTPS://example.com:8443/teleport/", "https://[::1]/a"])(
    "%p passes",
    (url) => {
      expect(() => checkBaseUrl(url, "given")).not.toThrow();
    },
  );

  test.each([
    ["http://example.com", "does not begin with `https://`"],
    ["example.com", "does not begin with `https://`"],
    ["file:///etc/passwd", "does not begin with `https://`"],
    [" https://example.com", "does not begin with `https://`"],
    ["https://", "cannot be parsed"],
    ["https://exa mple.com", "cannot be parsed"],
    ["https://example.com/a b", "cannot be parsed"],
    ["https://example.com\n", "cannot be parsed"],
    ["https://example.com/?a=b", "query or a fragment"],
    ["https://example.com/#a", "query or a fragment"],
  ])("[threat https-only] %p is refused, given and kept", (url, reason) => {
    expect(() => checkBaseUrl(url, "given")).toThrow(reason);
    expect(() => checkBaseUrl(url, "kept")).toThrow(reason);
  });

  test("[threat no-secrets] credentials are refused when given, and never shown", () => {
    const url = "https://user:secret@example.com";
    expect(() => checkBaseUrl(url, "given")).toThrow('"https://***@example.com" holds a user name or password');
    expect(refusal(url)).toMatchObject({ hint: expect.stringMatching(/`--netrc FILE`.*`--bearer-token-file FILE`/) });
    expect(() => checkBaseUrl(url, "kept")).not.toThrow();
    expect(() => checkBaseUrl("http://user:se@cret@example.com", "kept")).toThrow('"http://***@example.com"');
    expect(() => checkBaseUrl("https://user:se/cret@example.com", "kept")).toThrow('"https://***@example.com" cannot');
  });
});

function refusal(url: string): unknown {
  try {
    return checkBaseUrl(url, "given");
  } catch (error) {
    return error;
  }
}
