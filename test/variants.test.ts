import { describe, expect, test } from "bun:test";

/** What has cryptography of its own, or leads to the runtime's, as the text of a bundle names it. */
const OWN_CRYPTOGRAPHY = [
  /\bfetch\(/,
  moduleNamed("crypto"),
  moduleNamed("tls"),
  moduleNamed("https"),
  moduleNamed("http2"),
  /\bCryptoHasher\b/,
  /\bcreateHash\b/,
  /\bcrypto\.subtle\b/,
  /@noble\//,
];

const [ORDINARY, FIPS] = await Promise.all([bundle(), bundle("fips")]);

describe("the FIPS variant", () => {
  test.each(OWN_CRYPTOGRAPHY.map((pattern) => [pattern]))("has nothing like %p in it", (pattern) => {
    expect(pattern.exec(FIPS)?.[0]).toBeUndefined();
  });

  test("says in the second line of its version what it is", () => {
    const [{ stdout: own }, { stdout: ordinary }] = [run("--conditions=fips", "version"), run("version")];
    expect(own.toString().split("\n")).toEqual([
      ordinary.toString().trimEnd(),
      expect.stringMatching(/^FIPS variant: /),
      "",
    ]);
  });

  test("asks the programs of the host", () => {
    expect(FIPS).toContain('"/usr/bin/openssl"');
    expect(FIPS).toContain('"/usr/bin/curl"');
  });
});

test("the ordinary variant has its own cryptography, and none of the other's", () => {
  const found = OWN_CRYPTOGRAPHY.filter((pattern) => pattern.test(ORDINARY)).map(String);
  expect(found).toEqual(
    expect.arrayContaining(
      [/\bfetch\(/, moduleNamed("crypto"), moduleNamed("tls"), /\bCryptoHasher\b/, /@noble\//].map(String),
    ),
  );
  expect(ORDINARY).not.toContain('"/usr/bin/curl"');
});

/** The program from its sources. */
function run(...words: string[]) {
  const [flags, command] = [words.slice(0, -1), words.slice(-1)];
  return Bun.spawnSync([process.execPath, ...flags, "src/bin/teleport-update.ts", ...command], { env: {} });
}

/** A part of the runtime in an import of any kind. */
function moduleNamed(name: string): RegExp {
  return new RegExp(`(\\bfrom|\\bimport|\\bimport\\(|\\brequire\\()\\s*["'](node:)?${name}["']`);
}

/** The code of `teleport-update`, all its parts together; the names of packages stand in comments. */
async function bundle(condition?: string): Promise<string> {
  const { outputs } = await Bun.build({
    entrypoints: ["src/bin/teleport-update.ts"],
    target: "bun",
    splitting: true,
    ...(condition === undefined ? {} : { conditions: condition }),
  });
  const texts = await Promise.all(outputs.map((output) => output.text()));
  return texts.join("\n");
}
