import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { hideCredentials, hideUserInfo } from "../../src/platform/hide-credentials.ts";

describe("hideCredentials", () => {
  test.each([
    ["https://user:secret@host/path", "https://***@host/path"],
    ["https://user:sec/ret@host", "https://***@host"],
    ["https://user:s@cret@host", "https://***@host"],
    ["https://user:sec#ret?@host", "https://***@host"],
    ["HTTP://secret@host", "HTTP://***@host"],
    ["//user:secret@host", "//***@host"],
    ["user:secret@host:3128", "***@host:3128"],
    ["secret@host", "***@host"],
    ["https:user:secret@host", "***@host"],
    ["mailto:secret@host", "***@host"],
    ["https://user:sec\nret@host", "https://***@host"],
  ])("[threat no-secrets] %j becomes %j", (written, shown) => {
    expect(hideCredentials(written)).toBe(shown);
  });

  test.each(["https://host:443", "host:443", "example.com", "", "http://[::1]:80/", "not a url"])(
    "%j stays as it is",
    (written) => {
      expect(hideCredentials(written)).toBe(written);
    },
  );

  test("[threat no-secrets] nothing before the last `@` of an authority survives", () => {
    const secret = fc
      .string({ unit: fc.constantFrom(..."aé:/@#?%[] \\\t"), minLength: 1 })
      .map((text) => `C4nary${text}`);
    fc.assert(
      fc.property(
        secret,
        fc.constantFrom("https://u:", "http://", "u:", "", "//", "socks5://u:"),
        (password, before) => {
          expect(hideCredentials(`${before}${password}@host`)).not.toContain("C4nary");
        },
      ),
    );
  });
});

describe("hideUserInfo", () => {
  test.each([
    ["https://user:secret@host/@a", "https://***@a"],
    ["https://secret@host", "https://***@host"],
    ["https:user:secret@host", "***@host"],
    ["https://user:sec[ret@host", "https://***@host"],
  ])("[threat no-secrets] %j becomes %j", (written, shown) => expect(hideUserInfo(written)).toBe(shown));

  test.each(["https://host/@a/b", "https://host:8443/a@b", ""])("%j stays as it is", (written) => {
    expect(hideUserInfo(written)).toBe(written);
  });
});
