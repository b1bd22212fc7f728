import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatCurlConfig, headerOption } from "../../../src/platform/fips/curl-config.ts";
import { requestOptions } from "../../../src/platform/fips/curl-options.ts";

const NO_FILES = { authorities: undefined, cert: undefined, key: undefined };
const SERVER = new URL("https://mirror.test/a%20b?c={d}[e]");

test("an option stands in a line, its value in quotes", () => {
  expect(formatCurlConfig([["silent"], ["url", "https://x.test/"], ["proxy-user", 'a"b\\c: # d']])).toBe(
    'silent\nurl = "https://x.test/"\nproxy-user = "a\\"b\\\\c: # d"\n',
  );
});

test.each(["a\nurl = file:///etc/shadow", "a\r\nX-Other: 1", "a\0b", "a\u0085b"])("%p is no value", (value) => {
  for (const make of [() => formatCurlConfig([["url", value]]), () => formatCurlConfig([headerOption("X", value)])]) {
    expect(make).toThrow(expect.objectContaining({ code: "E_NETWORK", message: expect.not.stringContaining(value) }));
  }
});

test.each(["", "X-A: b\nX-C", "@/etc/shadow", "a b", "ü"])("%p is no name of a header", (name) => {
  expect(() => headerOption(name, "x")).toThrow(expect.objectContaining({ code: "E_NETWORK" }));
});

test("an empty header is sent as an empty one", () => {
  expect(headerOption("X-Empty", " ")).toEqual(["header", "X-Empty;"]);
});

test("curl reads any value back as it was", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)) }),
      (value) => {
        // It prints what it was told to print, before it fails for want of an address. Behind an `@` it expects a file.
        const text = `:${value.replaceAll(/[%\\]/g, "-")}`;
        const config = formatCurlConfig([["silent"], ["write-out", text], ["url", "http://127.0.0.1:1/"]]);
        const { stdout } = Bun.spawnSync(["/usr/bin/curl", "-q", "--config", "-"], {
          stdin: Buffer.from(config),
          env: {},
        });
        expect(stdout.toString()).toBe(text);
      },
    ),
    { numRuns: 20 },
  );
});

describe("a request", () => {
  const hop = { url: SERVER, headers: { Authorization: "Bearer secret" }, certificate: undefined };
  const context = { url: SERVER, proxy: undefined, trust: undefined };
  const optionsOf = (proxy?: string, files: Parameters<typeof requestOptions>[2] = NO_FILES, insecure = false) =>
    new Map(
      requestOptions(hop, { ...context, proxy: proxy === undefined ? undefined : new URL(proxy) }, files, insecure)
        .filter(([name]) => name !== "header")
        .map(([name, value]) => [name, value] as const),
    );

  test("names all that curl would guess or look up elsewhere", () => {
    const options = optionsOf(undefined, { ...NO_FILES, authorities: "/ca" });
    expect(Object.fromEntries(options)).toMatchObject({
      url: "https://mirror.test/a%20b?c={d}[e]",
      proto: "=https",
      noproxy: "*",
      cacert: "/ca",
      capath: "/dev/null",
    });
    for (const flag of ["globoff", "path-as-is", "http1.1", "tlsv1.2"]) expect(options.has(flag)).toBeTrue();
    for (const flag of ["location", "compressed", "insecure", "netrc"]) expect(options.has(flag)).toBeFalse();
  });

  test.each([
    ["http://proxy.test", "http://proxy.test:80", undefined],
    ["https://user:p%40%3Ass@proxy.test", "https://proxy.test:443", "user:p@:ss"],
    ["http://user@[::1]:3128", "http://[::1]:3128", "user:"],
    ["http://50%:x@proxy.test:8080", "http://proxy.test:8080", "50%:x"],
  ])("goes through %s, whatever curl thinks of the host", (proxy, address, credentials) => {
    const options = optionsOf(proxy);
    expect([options.get("proxy"), options.get("noproxy"), options.get("proxy-user")]).toEqual([
      address,
      "",
      credentials,
    ]);
  });

  test("asks a proxy that speaks TLS for the same trust", () => {
    expect(optionsOf("https://proxy.test", { ...NO_FILES, authorities: "/ca" }).get("proxy-cacert")).toBe("/ca");
    expect(optionsOf("https://proxy.test", NO_FILES, true).has("proxy-insecure")).toBeTrue();
  });
});
