import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ABOUT } from "../../../scripts/package/about.ts";
import { must } from "../../support/must.ts";
import { listDeb, listRpm, type Made, makeBoth } from "./making.ts";

const TEXT = readFileSync("scripts/package/nfpm.yaml", "utf8");

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "nfpm-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** By variant what the head of the file tells to set; what it does not mention is empty to nfpm. */
const VARIABLES = [...TEXT.matchAll(/^# {5}export (ARCH.*)\n(?:# {5}export (NEEDED.*)\n)?/gm)].map(
  ([, first = "", second = ""]) =>
    Object.fromEntries(
      `${first} ${second}`
        .trim()
        .split(" ")
        .map((word) => word.split("=")),
    ) as Record<string, string>,
);

describe.each([
  ["ordinary", VARIABLES[0] ?? {}, []],
  ["FIPS", VARIABLES[1] ?? {}, ["--fips"]],
])("the packages of nfpm, %s", (name, variables, options) => {
  let made: Made;
  let config: NfpmConfig;
  beforeAll(async () => {
    const { ARCH: arch = "", VERSION: version = "" } = variables;
    made = await makeBoth(join(directory, name), ["--arch", arch, "--version", version, "--keep-trees", ...options]);
    config = readConfig(variables);
  }, 60_000);

  const contentsFor = (format: string) => config.contents.filter(({ packager = format }) => packager === format);

  test("have the same files, in folders that are as much their own", async () => {
    for (const [format, listed] of [
      ["deb", await listDeb(made.deb)],
      ["rpm", await listRpm(made.rpm)],
    ] as const) {
      expect(contentsFor(format).map(listedAs).sort()).toEqual(listed);
    }
  });

  test("take what is made from where it lies", async () => {
    for (const { src = "", dst } of config.contents.filter(({ src }) => src?.includes("/tree-"))) {
      expect(src).toEndWith(dst);
      const path = src.replace("dist/packages", made.folder);
      expect({ path, isThere: await Bun.file(path).exists() }).toEqual({ path, isThere: true });
    }
    const [program] = config.contents.filter(({ dst }) => dst === "/usr/lib/teleport-update/teleport-update");
    expect(program?.src).toBe(`dist/teleport-update-linux-${variables["VARIANT"]}`);
  });

  test("have the same name, version, scripts and texts", async () => {
    // nfpm gives an rpm the release 1 where there is none, and a deb nothing.
    const { release = "1" } = config;
    const version = `${config.version}${config.release === undefined ? "" : `-${config.release}`}`;
    const fields = await must(["dpkg-deb", "--field", made.deb, "Package", "Version", "Architecture"]);
    expect(fields).toBe(`Package: ${config.name}\nVersion: ${version}\nArchitecture: ${config.arch}\n`);
    const rpm = await must(["rpm", "-qp", "--queryformat", "%{NAME} %{VERSION} %{RELEASE}", made.rpm]);
    expect(rpm).toBe(`${config.name} ${config.version} ${release}`);
    const { maintainer, license, summary, description } = ABOUT;
    expect([config.maintainer, config.license]).toEqual([maintainer, license]);
    expect(config.description.trimEnd().split("\n")).toEqual([summary, ...description]);
    expect(config.scripts).toEqual({
      postinstall: "scripts/package/postinst",
      preremove: "scripts/package/prerm",
      postremove: "scripts/package/postrm",
    });
  });

  test("need, like and exclude the same", async () => {
    const field = async (name: string) => (await must(["dpkg-deb", "--field", made.deb, name])).trim().split(", ");
    const { deb, rpm } = config.overrides;
    expect(deb.depends).toEqual(await field("Depends"));
    expect(deb.recommends).toEqual(await field("Recommends"));
    expect(deb.replaces).toEqual(await field("Replaces"));
    expect(config.conflicts).toEqual(await field("Conflicts"));
    const ask = async (what: string) => (await must(["rpm", "-qp", `--${what}`, made.rpm])).trim().split("\n").sort();
    // What rpm adds by itself are files and symbols; it finds the C library in the program.
    const required = (await ask("requires")).filter((line) => !/[/(]/.test(line));
    expect(rpm.depends.filter((line) => line !== "glibc >= 2.17").sort()).toEqual(required);
    expect([...rpm.recommends].sort()).toEqual(await ask("recommends"));
    expect(config.conflicts).toEqual(await ask("conflicts"));
  });
});

interface NfpmConfig {
  name: string;
  arch: string;
  version: string;
  release?: string;
  maintainer: string;
  license: string;
  description: string;
  conflicts: string[];
  overrides: Record<"deb" | "rpm", { depends: string[]; recommends: string[]; replaces: string[] }>;
  scripts: Record<string, string>;
  contents: Content[];
}

interface Content {
  dst: string;
  src?: string;
  type?: string;
  packager?: string;
  expand?: boolean;
  file_info?: { mode: number };
}

/** As nfpm reads it: of the contents only where that is said, and empty elements of a list are left out. */
function readConfig(variables: Record<string, string>): NfpmConfig {
  const filled = (text: string) => text.replace(/\$\{(\w+)\}/g, (_, name: string) => variables[name] ?? "");
  const fill = (value: unknown): unknown => {
    if (typeof value === "string") return filled(value);
    if (Array.isArray(value)) return value.map(fill).filter((element) => element !== "");
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, fill(inner)]));
  };
  const { contents, ...rest } = Bun.YAML.parse(TEXT) as NfpmConfig;
  return {
    ...(fill(rest) as Omit<NfpmConfig, "contents">),
    contents: contents.map((content) => (content.expand ? (fill(content) as Content) : content)),
  };
}

function listedAs({ dst, src, type, file_info }: Content): string {
  if (type === "symlink") return `lrwxrwxrwx root/root ${dst} -> ${src}`;
  const kind = type === "dir" ? "d" : "-";
  return `${kind}${file_info?.mode === 0o755 ? "rwxr-xr-x" : "rw-r--r--"} root/root ${dst}`;
}
