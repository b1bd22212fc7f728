import { expect, test } from "bun:test";
import { readListenAddress } from "../../src/cli/listen-address.ts";

test.each([
  ["127.0.0.1:8443", "127.0.0.1", 8443],
  ["[::]:443", "::", 443],
  ["mirror.example.com:1", "mirror.example.com", 1],
  ["127.0.0.1:0", "127.0.0.1", 0],
  ["[::1]:0", "::1", 0],
])("%s", (text, host, port) => {
  expect(readListenAddress(text)).toEqual({ host, port });
});

test.each([
  "",
  "8443",
  ":8443",
  "127.0.0.1",
  "127.0.0.1:",
  "127.0.0.1:65536",
  "::1:80",
  "a:1:0",
  "https://a:1",
  "a:1/",
  "\u001b:1",
])("%j is refused", (text) => {
  expect(() => readListenAddress(text)).toThrow(
    expect.objectContaining({ code: "E_USAGE", message: expect.stringContaining("`--listen` must be `HOST:PORT`") }),
  );
});
