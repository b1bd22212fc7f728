import { describe, expect, test } from "bun:test";
import {
  describeProxy,
  firstProxy,
  forgetProxyEnvironment,
  type ProxyEnvironment,
  proxyFor,
  readProxyEnvironment,
} from "../../src/platform/connect-proxy.ts";
import { UpdateError } from "../../src/platform/errors.ts";

const NONE: ProxyEnvironment = { httpsProxy: "", httpProxy: "", noProxy: "" };
const BOTH: ProxyEnvironment = { httpsProxy: "http://secure:3128", httpProxy: "http://plain:3128", noProxy: "" };

describe("readProxyEnvironment", () => {
  test("takes the upper-case name first, and an empty value for none", () => {
    expect(
      readProxyEnvironment({ HTTPS_PROXY: "a", https_proxy: "b", http_proxy: "c", NO_PROXY: "", no_proxy: "d" }),
    ).toEqual({
      httpsProxy: "a",
      httpProxy: "c",
      noProxy: "d",
    });
    expect(readProxyEnvironment({ ALL_PROXY: "a", all_proxy: "b" })).toEqual(NONE);
  });

  test("falls back to what is kept, each by itself, unless a plain variable is there, be it empty", () => {
    const kept = {
      TELEPORT_UPDATE_HTTPS_PROXY: "k1",
      TELEPORT_UPDATE_HTTP_PROXY: "k2",
      TELEPORT_UPDATE_NO_PROXY: "k3",
    };
    expect(readProxyEnvironment(kept)).toEqual({ httpsProxy: "k1", httpProxy: "k2", noProxy: "k3" });
    expect(readProxyEnvironment({ ...kept, HTTPS_PROXY: "a", http_proxy: "b" })).toEqual({
      httpsProxy: "a",
      httpProxy: "b",
      noProxy: "k3",
    });
    expect(readProxyEnvironment({ ...kept, HTTPS_PROXY: "", http_proxy: "", NO_PROXY: "" })).toEqual(NONE);
    expect(readProxyEnvironment({ ...kept, HTTPS_PROXY: "", https_proxy: "b" }).httpsProxy).toBe("b");
  });

  test("forgotten variables are gone under each name", () => {
    const environment = {
      HTTPS_PROXY: "a",
      https_proxy: "a",
      http_proxy: "a",
      ALL_PROXY: "a",
      no_proxy: "a",
      PATH: "/bin",
    };
    forgetProxyEnvironment(environment);
    expect(environment).toEqual({ PATH: "/bin" } as typeof environment);
  });
});

describe("proxyFor", () => {
  test.each<[url: string, proxies: ProxyEnvironment, expected: string | undefined]>([
    ["https://example.com", NONE, undefined],
    ["https://example.com", BOTH, "http://secure:3128/"],
    ["http://example.com", BOTH, "http://plain:3128/"],
    ["https://localhost", BOTH, undefined],
    ["https://127.0.0.2:3080", BOTH, undefined],
    ["https://[::1]:3080", BOTH, undefined],
    ["https://example.com", { ...NONE, httpsProxy: "proxy:3128" }, "http://proxy:3128/"],
    ["https://example.com", { ...NONE, httpsProxy: "https://u:p@proxy" }, "https://u:p@proxy/"],
    ["http://example.com", { ...NONE, httpsProxy: "http://proxy" }, undefined],
  ])("%s", (url, proxies, expected) => expect(proxyFor(new URL(url), proxies)?.href).toBe(expected));

  test.each([
    ["socks5://secret@proxy:1080", "has the scheme `socks5:`"],
    ["http://secret@", "is not a URL"],
    ["secret proxy", "is not a URL"],
    ["http://user:secret%@proxy:3128", "has a `%` in its user name or password that begins no code of a character"],
    ["http://user:se%zzcret@proxy", "has a `%` in its user name or password that begins no code of a character"],
    ["http://50%:secret@proxy", "has a `%` in its user name or password that begins no code of a character"],
  ])("%p is refused without being shown", (httpsProxy, reason) => {
    const ask = () => proxyFor(new URL("https://example.com"), { ...NONE, httpsProxy });
    expect(ask).toThrow(new UpdateError("E_CONNECT_PROXY", `the CONNECT proxy in \`HTTPS_PROXY\` ${reason}`));
  });

  test.each([
    ["http://user:secret%@proxy:3128", "write it there as `%25`"],
    ["socks5://proxy:1080", "SOCKS proxies are not spoken"],
    ["socks5h://proxy:1080", "SOCKS proxies are not spoken"],
    ["ftp://proxy", "set it to an address like `HTTPS_PROXY=http://proxy.example.com:3128`"],
  ])("%p is refused with a remedy", (httpsProxy, hint) => {
    const ask = () => proxyFor(new URL("https://example.com"), { ...NONE, httpsProxy });
    expect(ask).toThrow(expect.objectContaining({ hint: expect.stringContaining(hint) }));
  });

  test("the code of a percent sign passes", () => {
    const httpsProxy = "http://user:100%25@proxy:3128";
    expect(proxyFor(new URL("https://example.com"), { ...NONE, httpsProxy })?.password).toBe("100%25");
  });

  test.each<[noProxy: string, url: string, isSpared: boolean]>([
    ["*", "https://example.com", true],
    ["example.com", "https://example.com", true],
    ["example.com", "https://EXAMPLE.com:8443", true],
    ["EXAMPLE.com", "https://a.b.example.com", true],
    ["example.com", "https://notexample.com", false],
    ["example.com", "https://example.com.evil.test", false],
    [".example.com", "https://a.example.com", true],
    [".example.com", "https://example.com", false],
    ["*.example.com", "https://a.example.com", true],
    ["*.example.com", "https://example.com", false],
    ["example.com:443", "https://example.com", true],
    ["example.com:443", "https://example.com:3080", false],
    ["example.com:80", "http://example.com", true],
    ["example.com:3080", "https://a.example.com:3080", true],
    ["*example.com", "https://example.com", false],
    ["*.example.com:8443", "https://a.example.com:8443", true],
    ["*.example.com:8443", "https://a.example.com", false],
    ["example.com:", "https://example.com:8443", true],
    ["bücher.example", "https://bücher.example", true],
    ["BÜCHER.example", "https://xn--bcher-kva.example", true],
    ["*.bücher.example", "https://a.xn--bcher-kva.example", true],
    [".bücher.example:443", "https://bücher.example", false],
    ["xn--bcher-kva.example", "https://bücher.example", true],
    [".", "https://example.com", false],
    ["a.test, example.com ,b.test", "https://example.com", true],
    ["a.test example.com", "https://example.com", false],
    ["", "https://example.com", false],
    [",:443,", "https://example.com", false],
    ["192.0.2.1", "https://192.0.2.1", true],
    ["192.0.2.1", "https://192.0.2.11", false],
    ["192.0.2.1:3080", "https://192.0.2.1", false],
    ["192.0.2.0/24", "https://192.0.2.99:3080", true],
    ["192.0.2.0/24", "https://192.0.3.99", false],
    ["192.0.2.0/24", "https://example.com", false],
    ["2001:db8::1", "https://[2001:db8::1]", true],
    ["[2001:db8::1]", "https://[2001:db8::1]:3080", true],
    ["[2001:db8::1]:443", "https://[2001:db8::1]", true],
    ["[2001:db8::1]:443", "https://[2001:db8::1]:3080", false],
    ["2001:db8::/32", "https://[2001:db8:1::1]", true],
    ["2001:DB8::1", "https://[2001:db8:0::1]", true],
    ["::ffff:192.0.2.1", "https://192.0.2.1", true],
    ["192.0.2.0/33", "https://192.0.2.1", false],
    ["2001:db8::/32", "https://[2001:db9::1]", false],
  ])("NO_PROXY=%p and %s: spared is %p", (noProxy, url, isSpared) => {
    expect(proxyFor(new URL(url), { ...BOTH, noProxy }) === undefined).toBe(isSpared);
  });
});

describe("firstProxy", () => {
  test.each<[Partial<ProxyEnvironment>, string | undefined]>([
    [BOTH, "http://secure:3128/"],
    [{ httpProxy: "plain:3128" }, "http://plain:3128/"],
    [{ noProxy: "example.com" }, undefined],
  ])("of %j is %p", (proxies, expected) => expect(firstProxy({ ...NONE, ...proxies })?.href).toBe(expected));

  test("no address among them may be unusable", () => {
    expect(() => firstProxy({ ...BOTH, httpProxy: "socks5://secret@plain" })).toThrow(
      new UpdateError("E_CONNECT_PROXY", "the CONNECT proxy in `HTTP_PROXY` has the scheme `socks5:`"),
    );
  });
});

test("a proxy is described without its password", () => {
  expect(describeProxy(new URL("http://user:secret@proxy:3128"))).toBe("http://proxy:3128");
});
