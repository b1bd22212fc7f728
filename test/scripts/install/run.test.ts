import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { createServer } from "node:http";
import { startAsking } from "../../support/asking-server.ts";
import { makeAuthority } from "../../support/certificates.ts";
import { startConnectProxy } from "../../support/connect-proxy.ts";
import { type InstallOptions, NOTING_PROGRAM, runInstallScript, SHELLS } from "../../support/install-run.ts";
import { startTarballServer, type TarballServer } from "../../support/tarball-server.ts";

const VERSION = "0.2.0";
const KINDS = ["linux-amd64", "linux-arm64"];
const ARCHITECTURE = process.arch === "x64" ? "amd64" : "arm64";
const TARBALL = `teleport-update-v${VERSION}-linux-${ARCHITECTURE}-bin.tar.gz`;
const CA = ["--ca-file", "/mnt/ca.pem"];

let server: TarballServer;
beforeAll(async () => {
  server = await startTarballServer({ version: VERSION, kinds: KINDS, program: { script: NOTING_PROGRAM } });
}, 60_000);
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => {
  server.takeRequests();
  server.answer = undefined;
});

const run = (words: readonly string[], { files, ...options }: InstallOptions = {}) =>
  runInstallScript(server.release.script, words, { files: { "ca.pem": server.ca, ...files }, ...options });

describe.each(Object.keys(SHELLS) as (keyof typeof SHELLS)[])("%s runs", (shell) => {
  test("the program with all words and the caller's environment, ends as it does, and leaves nothing", async () => {
    const words = ["--proxy", "p.test:443", "--group", "a b 'c' \"d\" * $(e)", ...CA];
    const env = {
      PROGRAM_CODE: "7",
      TELEPORT_UPDATE_GROUP: "g",
      HTTPS_PROXY: "http://proxy.test:3128",
      https_proxy: "",
    };
    const { exitCode, words: got, noted, left, output } = await run(words, { shell, env, before: "umask 0027" });
    expect({ output, exitCode, got, left }).toMatchObject({ exitCode: 7, got: ["enable", ...words], left: [] });
    expect(noted("stdin")).toBe("");
    expect(noted("umask").trim()).toBe("0027");
    expect(noted("folder")).toMatch(/^700 \/tmp\/teleport-update\.\w{6}\n$/);
    const variables = noted("env").split("\n");
    for (const [name, value] of Object.entries(env)) expect(variables).toContain(`${name}=${value}`);
    expect(variables.filter((line) => /^(NO_PROXY|no_proxy)=/.test(line))).toEqual([]);
    expect(server.takeRequests()).toEqual([`/default/${TARBALL}`]);
  });
});

describe("the tarball comes", () => {
  const mirror = (path: string) => ["--base-url", `${server.url}${path}`];

  test.each<[string, () => { words: string[]; env?: Record<string, string> }, string[]]>([
    ["from the base URL of the mirror", () => ({ words: mirror("/a") }), ["/a"]],
    ["from one with a slash at its end", () => ({ words: [`--base-url=${server.url}/a/`] }), ["/a"]],
    ["from one by its letter", () => ({ words: ["-b", `${server.url}/a`] }), ["/a"]],
    ["from one right behind its letter", () => ({ words: [`-b${server.url}/a`] }), ["/a"]],
    [
      "from the variable",
      () => ({ words: [], env: { TELEPORT_CDN_BASE_URL: `${server.url}/v\n${server.url}/w` } }),
      ["/v"],
    ],
    [
      "from the flag before the variable",
      () => ({ words: mirror("/a"), env: { TELEPORT_CDN_BASE_URL: "https://v" } }),
      ["/a"],
    ],
    ["from the default place, when the flag is reset", () => ({ words: ["--base-url", "default"] }), ["/default"]],
    [
      "from the next mirror, when one has none",
      () => ({ words: [...mirror("/none"), ...mirror("/b")] }),
      ["/none", "/b"],
    ],
    ["from the default place, when no mirror has one", () => ({ words: mirror("/none") }), ["/none", "/default"]],
    [
      "from the next mirror, when one has another",
      () => ({ words: [...mirror("/bad"), ...mirror("/b")] }),
      ["/bad", "/b"],
    ],
  ])("%s", async (_, given, places) => {
    server.answer = (path) => {
      if (path.startsWith("/none")) return { status: 404 };
      return path.startsWith("/bad") ? { body: "not the tarball" } : undefined;
    };
    const { words, env = {} } = given();
    const outcome = await run([...words, ...CA], { env });
    expect(outcome).toMatchObject({ exitCode: 0, words: ["enable", ...words, ...CA], left: [] });
    expect(server.takeRequests()).toEqual(places.map((place) => `${place}/${TARBALL}`));
  });

  test("after a cut line and an answer of a busy server", async () => {
    const answers = [{ body: "half", isCut: true }, { status: 503 }];
    server.answer = () => answers.shift();
    expect(await run(CA)).toMatchObject({ exitCode: 0, left: [] });
    expect(server.takeRequests()).toHaveLength(3);
  }, 30_000);

  test("through the proxy of the environment, the upper case first", async () => {
    await using named = await startTarballServer(
      { version: VERSION, kinds: KINDS, program: { script: NOTING_PROGRAM } },
      "mirror.test",
    );
    await using proxy = await startConnectProxy({
      route: () => new URL(named.url.replace("mirror.test", "127.0.0.1")).host,
    });
    const env = { HTTPS_PROXY: `http://${proxy.address}`, https_proxy: "http://127.0.0.1:1", no_proxy: "other.test" };
    const files = { "ca.pem": named.ca };
    expect(await runInstallScript(named.release.script, CA, { files, env })).toMatchObject({ exitCode: 0 });
    const tunnel = `CONNECT ${new URL(named.url).host} HTTP/1.1`;
    expect(proxy.requests).toEqual([tunnel]);
    // What is empty says nothing, and a star among others spares every host.
    const lower = { HTTPS_PROXY: "", https_proxy: env.HTTPS_PROXY };
    expect(await runInstallScript(named.release.script, CA, { files, env: lower })).toMatchObject({ exitCode: 0 });
    expect(proxy.requests).toEqual([tunnel, tunnel]);
    const spared = { ...env, no_proxy: "other.test,*" };
    expect(await runInstallScript(named.release.script, CA, { files, env: spared })).toMatchObject({ exitCode: 1 });
    expect(proxy.requests).toEqual([tunnel, tunnel]);
  });

  test("with openssl where there is no sha256sum", async () => {
    expect(await run(CA, { cover: { "/usr/bin/sha256sum": "" } })).toMatchObject({ exitCode: 0 });
  });

  test("with wget where there is no curl", async () => {
    expect(await run(CA, { cover: { "/usr/bin/curl": "" } })).toMatchObject({ exitCode: 0, left: [] });
    expect(server.takeRequests()).toEqual([`/default/${TARBALL}`]);
  });
});

describe("[threat install-digest] nothing runs", () => {
  test.each([
    ["when the tarball is another", { body: "another" }, /has the SHA-256 [0-9a-f]{64}, and must have [0-9a-f]{64}/],
    ["when it is empty", { body: "" }, /has the SHA-256 e3b0c442[0-9a-f]{56}, and must have/],
    ["when nobody has it", { status: 404 }, /cannot be had/],
  ])("%s", async (_, answer, words) => {
    server.answer = () => answer;
    const outcome = await run(CA);
    expect(outcome).toMatchObject({ exitCode: 1, words: undefined, left: [] });
    expect(outcome.output).toMatch(words);
    expect(outcome.output).not.toContain("--ca-file");
  });

  test("when a place leads back to http", async () => {
    let asked = 0;
    const plain = createServer((_, response) => {
      asked += 1;
      response.end("the tarball");
    });
    await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve));
    const address = plain.address();
    const port = typeof address === "object" ? address?.port : undefined;
    server.answer = () => ({ status: 302, location: `http://127.0.0.1:${port}/t` });
    const outcome = await run(CA);
    plain.close();
    expect({ ...outcome, asked }).toMatchObject({ exitCode: 1, words: undefined, left: [], asked: 0 });
  });

  test.each([
    ["curl", {}],
    ["wget", { "/usr/bin/curl": "" }],
  ])(
    "when the server is not known to the host, with %s",
    async (_, cover) => {
      const outcome = await run([], { cover });
      expect(outcome).toMatchObject({ exitCode: 1, words: undefined, left: [] });
      expect(outcome.output).toContain("certificate");
      expect(outcome.output).toContain("or give its authority with `--ca-file FILE`");
    },
    30_000,
  );

  test("but with `--insecure` the digest decides alone", async () => {
    expect(await run(["--insecure"])).toMatchObject({ exitCode: 0 });
  });
});

describe("[threat install-secrets] a token", () => {
  const files = { token: "s3cret-token\n" };
  const words = [...CA, "--bearer-token-file", "/mnt/token"];

  test("goes to the mirror, and not to the default place", async () => {
    server.answer = (path) => (path.startsWith("/m/") ? { status: 404 } : undefined);
    await run([...words, "--base-url", `${server.url}/m`], { files });
    expect(server.takeRequests()).toEqual([`/m/${TARBALL} Bearer s3cret-token`, `/default/${TARBALL}`]);
  });

  test.each(["https://cdn.teleport.dev", "https://CDN.Teleport.dev.:443/c"])(
    "goes to the mirror, and not to the official place that is named too: %s",
    async (official) => {
      server.answer = (path) => (path.startsWith("/m/") ? { status: 404 } : undefined);
      await using proxy = await startConnectProxy({ route: () => new URL(server.url).host });
      const places = ["https://mirror.test/m", official].flatMap((place) => ["--base-url", place]);
      const env = { HTTPS_PROXY: `http://${proxy.address}` };
      const secret = ["--insecure", "--bearer-token-file", "/mnt/token"];
      expect(await run([...secret, ...places], { files, env })).toMatchObject({ exitCode: 0 });
      const [, asked = "", ...more] = server.takeRequests();
      expect([asked.endsWith(TARBALL), more]).toEqual([true, []]);
    },
  );

  test("is in no word of a process, and in no variable of the program", async () => {
    const spy = '#!/bin/sh\nprintf "%s\\n" "$@" >>/mnt/curl\nenv >>/mnt/curl\nexec /mnt/real-curl "$@"\n';
    const before =
      "cp /usr/bin/curl /mnt/real-curl; mount --bind /mnt/spy /usr/bin/curl; chmod 0755 /mnt/spy /mnt/real-curl";
    const env = { secret: "of the caller" };
    const outcome = await run([...words, "--base-url", `${server.url}/m`], { files: { ...files, spy }, before, env });
    expect(outcome).toMatchObject({ exitCode: 0 });
    expect(server.takeRequests()).toEqual([`/m/${TARBALL} Bearer s3cret-token`]);
    expect(outcome.noted("curl")).toContain("--output");
    expect(outcome.noted("curl")).not.toContain("s3cret");
    expect(outcome.noted("env")).not.toContain("s3cret");
  });

  test("is not given to wget", async () => {
    const outcome = await run([...words, "--base-url", `${server.url}/m`], { files, cover: { "/usr/bin/curl": "" } });
    expect(outcome).toMatchObject({ exitCode: 1, words: undefined });
    expect(outcome.output).toContain("`wget` cannot keep a secret");
    expect(server.takeRequests()).toEqual([]);
  });

  test("that would be more than a token is refused", async () => {
    const outcome = await run([...words, "--base-url", `${server.url}/m`], {
      files: { token: 'a"\nurl = "https://evil' },
    });
    expect(outcome).toMatchObject({ exitCode: 1, words: undefined });
    expect(server.takeRequests()).toEqual([]);
  });
});

describe("[threat install-secrets] what a netrc holds", () => {
  const words = () => [...CA, "--netrc", "/mnt/netrc", "--base-url", `${server.url}/m`];
  const asked = async (netrc: string, shell: keyof typeof SHELLS = "dash") => {
    // Where the shell is busybox, `awk` is, too.
    const before = shell === "busybox" ? "mount --bind /usr/bin/busybox /usr/bin/awk" : "";
    const outcome = await run(words(), { files: { netrc }, shell, before });
    return { ...outcome, requests: server.takeRequests() };
  };

  test.each<[string, string, string]>([
    ["for the mirror", "machine 127.0.0.1 login me password pw\n", "me:pw"],
    [
      "over many lines",
      "machine a.test login a password b\nmachine\t127.0.0.1\r\n  login me\n  password pw\n",
      "me:pw",
    ],
    ["in quotes", String.raw`machine "127.0.0.1" login "m e" password "\"\\p\tw%s"`, 'm e:"\\p\tw%s'],
    ["with what quotes are made of", String.raw`machine 127.0.0.1 login me password p"w\n&`, 'me:p"w\\n&'],
    ["first, where there are two", "machine 127.0.0.1 login a password b machine 127.0.0.1 login c password d", "a:b"],
    ["whole, where another is not", "machine 127.0.0.1 login a\nmachine 127.0.0.1 password d login c account e", "c:d"],
    [
      "behind comments and macros",
      "# machine 127.0.0.1 login x password x\nmacdef init\nmachine 127.0.0.1\n\nmachine 127.0.0.1 login me password pw",
      "me:pw",
    ],
    ["behind a default entry", "default login x password x\nmachine 127.0.0.1 login me password pw\n", "me:pw"],
  ])("goes to the mirror: %s", async (_, netrc, login) => {
    for (const shell of Object.keys(SHELLS) as (keyof typeof SHELLS)[]) {
      const { exitCode, requests } = await asked(netrc, shell);
      expect({ exitCode, requests }).toEqual({ exitCode: 0, requests: [`/m/${TARBALL} Basic ${btoa(login)}`] });
    }
  });

  test.each([
    ["for whatever host", "default login x password x\n"],
    ["for whatever host, behind others", "machine a.test login a password b\ndefault login x password x\n"],
    ["for another host", "machine a.test login a password b\n"],
    ["without a password", "machine 127.0.0.1 login a\n"],
  ])("goes nowhere: %s", async (_, netrc) => {
    expect(await asked(netrc)).toMatchObject({ exitCode: 0, requests: [`/m/${TARBALL}`] });
  });

  test.each([
    ["that is none", "127.0.0.1:me:pw\n"],
    ["that ends in the middle", "machine 127.0.0.1 login me password"],
    ["with a quote that does not end", 'machine 127.0.0.1 login me password "pw\n'],
  ])("is refused, and not told: %s", async (_, netrc) => {
    const { exitCode, requests, output, words: got } = await asked(netrc);
    expect({ exitCode, requests, got }).toEqual({ exitCode: 1, requests: [], got: undefined });
    expect(output).toContain("`/mnt/netrc` cannot be used");
    expect(output).not.toContain("pw");
  });

  test("is found by an IPv6 address, which has brackets in a URL only", async () => {
    const functions = ["origin_of", "read_secret", "find_in_netrc"].map(
      (name) => new RegExp(`\\n${name}\\(\\) \\{\\n.*?\\n\\}\\n`, "s").exec(server.release.script)?.[0],
    );
    const script = `${functions.join("")} token_file= netrc=/dev/stdin; read_secret "https://[FD00::1]:8443/t"`;
    const child = Bun.spawn(["dash", "-c", script], {
      stdin: new Blob(["machine fd00::2 login x password x machine fd00::1 login me password pw"]),
      stdout: "pipe",
    });
    expect(await child.stdout.text()).toBe('user = "me:pw"\n');
  });

  test("is refused beside a token", async () => {
    const files = { netrc: "machine 127.0.0.1 login me password pw\n", token: "s3cret-token\n" };
    const outcome = await run([...words(), "--bearer-token-file", "/mnt/token"], { files });
    expect(outcome).toMatchObject({ exitCode: 1, words: undefined });
    expect(outcome.output).toContain("both hold something for");
    expect(server.takeRequests()).toEqual([]);
  });
});

describe("[threat install-secrets] a redirect", () => {
  let other: TarballServer;
  beforeAll(async () => {
    other = await startTarballServer({ version: VERSION, kinds: KINDS, program: { script: NOTING_PROGRAM } });
  });
  afterAll(() => other[Symbol.asyncDispose]());
  beforeEach(() => {
    other.takeRequests();
    other.answer = undefined;
  });

  const files = () => ({
    token: "s3cret-token\n",
    netrc: "machine 127.0.0.1 login me password pw\n",
    "ca.pem": server.ca + other.ca,
  });
  const locations = (next: (path: string) => string | undefined) => (path: string) => {
    const location = next(path);
    return location === undefined ? undefined : { status: 302, location, body: "the tarball is elsewhere" };
  };

  test.each<[string, string[], string]>([
    ["a login", ["--netrc", "/mnt/netrc"], `Basic ${btoa("me:pw")}`],
    ["a token", ["--bearer-token-file", "/mnt/token"], "Bearer s3cret-token"],
  ])("takes %s along on its own origin, and to no other", async (_, words, secret) => {
    const signed = `${TARBALL}?a="b\\[1-2]{3,4}`;
    const next: Record<string, string> = {
      [`/m/${TARBALL}`]: `/again/${signed}`,
      [`/again/${signed}`]: `${other.url}/t/${TARBALL}`,
    };
    server.answer = locations((path) => next[path]);
    other.answer = locations(() => `${server.url}/back/${TARBALL}`);
    for (const shell of Object.keys(SHELLS) as (keyof typeof SHELLS)[]) {
      const outcome = await run([...CA, ...words, "--base-url", `${server.url}/m`], { files: files(), shell });
      expect(outcome).toMatchObject({ exitCode: 0, left: [] });
      expect(server.takeRequests()).toEqual([
        `/m/${TARBALL} ${secret}`,
        `/again/${signed} ${secret}`,
        // What was left behind once stays there.
        `/back/${TARBALL}`,
      ]);
      expect(other.takeRequests()).toEqual([`/t/${TARBALL}`]);
    }
  });

  test("takes a certificate along on its own origin, and to no other", async () => {
    const authority = await makeAuthority("Of clients");
    const { cert, key, ca } = await authority.issueClient("the host");
    await using first = await startAsking(authority, authority);
    await using second = await startAsking(authority, authority);
    const to = (location: string) => `HTTP/1.1 302 Found\r\nLocation: ${location}`;
    first.answers.push(to("/again"), to(`${second.url}/t`), to(`${server.url}/t/${TARBALL}`));
    second.answers.push(to(`${first.url}/back`));
    const words = [...CA, "--client-cert", "/mnt/cert", "--client-key", "/mnt/key", "--base-url", first.url];
    const outcome = await run(words, { files: { cert, key, "ca.pem": server.ca + ca } });
    expect(outcome).toMatchObject({ exitCode: 0, left: [] });
    expect([first.shown, second.shown]).toEqual([["the host", "the host", undefined], [undefined]]);
  });

  test.each([
    ["its port is the usual one", "https://mirror.test/t", "https://mirror.test:443/t"],
    ["its host is in capitals", "https://mirror.test/t", "HTTPS://MIRROR.test/t"],
  ])("stays on the origin where %s", async (_, from, to) => {
    const seen = await originsBy(from, to);
    expect(seen).toEqual(["mirror.test", "mirror.test"]);
  });

  test.each([
    ["a name before it", "https://mirror.test@other.test/t"],
    ["a name behind it", "https://mirror.test.other.test/t"],
    ["a backslash", "https://mirror.test\\@other.test/t"],
    ["a fragment", "https://mirror.test#@other.test/t"],
    ["a query", "https://mirror.test?@other.test/t"],
    ["another port", "https://mirror.test:4430/t"],
  ])("leaves the origin by %s", async (_, to) => {
    const [first, second] = await originsBy("https://mirror.test/t", to);
    expect(second).not.toBe(first);
  });

  /** What the script takes for the origins of two URLs. */
  async function originsBy(...urls: string[]): Promise<string[]> {
    const [, body] = /\n(origin_of\(\) \{\n.*?\n\}\n)/s.exec(server.release.script) ?? [];
    const child = Bun.spawn(["dash", "-c", `${body}for url; do origin_of "$url"; done`, "sh", ...urls], {
      stdout: "pipe",
    });
    return (await child.stdout.text()).trimEnd().split("\n");
  }

  test("is followed five times, and no more", async () => {
    let left = 5;
    server.answer = locations(() => (left-- > 0 ? `${server.url}/m/${left}/${TARBALL}` : undefined));
    expect(await run(CA)).toMatchObject({ exitCode: 0, left: [] });
    left = 6;
    const outcome = await run(CA);
    expect(outcome).toMatchObject({ exitCode: 1, words: undefined, left: [] });
    expect(outcome.output).toContain("redirects again, after 5 redirects");
  });

  test("is followed from the publisher's place to a store", async () => {
    server.answer = locations(() => `${other.url}/store/${TARBALL}`);
    expect(await run(CA, { files: files() })).toMatchObject({ exitCode: 0, left: [] });
    expect(server.takeRequests()).toEqual([`/default/${TARBALL}`]);
    expect(other.takeRequests()).toEqual([`/store/${TARBALL}`]);
  });
});
