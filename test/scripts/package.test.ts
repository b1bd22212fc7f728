import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ABOUT } from "../../scripts/package/about.ts";
import { SCRIPTS } from "../../scripts/package/deb.ts";
import { executablePath } from "../support/executable.ts";
import { must } from "../support/must.ts";

const SCRIPT = resolve("scripts/package.ts");
const FOLDER = resolve("scripts/package");

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "packages-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** The files that are made, by their formats, and the folder with the trees they were made of. */
interface Made {
  folder: string;
  deb: string;
  rpm: string;
}

async function makePackages(name: string, options: readonly string[] = [], shell = ""): Promise<Made> {
  const folder = join(directory, name);
  mkdirSync(folder);
  const argv = [process.execPath, SCRIPT, "--quick", "--to", folder, "--executable", "/bin/true", ...options];
  await must(["sh", "-c", `${shell} exec "$@"`, "sh", ...argv]);
  const found = (format: string) =>
    join(folder, readdirSync(folder).find((file) => file.endsWith(format)) ?? "missing");
  return { folder, deb: found(".deb"), rpm: found(".rpm") };
}

describe("the packages", () => {
  let made: Made;
  beforeAll(async () => {
    made = await makePackages("plain", ["--version", "1.2.3", "--arch", "amd64", "--keep-trees"]);
  }, 60_000);

  test("have the names of their formats", () => {
    const files = readdirSync(made.folder).filter((name) => !name.startsWith("tree-"));
    expect(files.sort()).toEqual(["teleport-update-1.2.3-1.x86_64.rpm", "teleport-update_1.2.3_amd64.deb"]);
  });

  test("hold the program, its link and its texts, all of root's, and nothing where Teleport's packages put theirs", async () => {
    const deb = await listDeb(made.deb);
    const rpm = await listRpm(made.rpm);
    const [common, debian, rpms] = [deb.filter(isIn(rpm)), deb.filter(isNotIn(rpm)), rpm.filter(isNotIn(deb))];
    expect(common).toEqual([
      "-rw-r--r-- root/root /usr/share/bash-completion/completions/teleport-update",
      "-rw-r--r-- root/root /usr/share/fish/vendor_completions.d/teleport-update.fish",
      "-rw-r--r-- root/root /usr/share/man/man8/teleport-update.8.gz",
      "-rwxr-xr-x root/root /usr/lib/teleport-update/copies",
      "-rwxr-xr-x root/root /usr/lib/teleport-update/teleport-update",
      "lrwxrwxrwx root/root /usr/bin/teleport-update -> ../lib/teleport-update/teleport-update",
    ]);
    expect(debian).toEqual([
      "-rw-r--r-- root/root /usr/share/doc/teleport-update/THIRD-PARTY-NOTICES.txt.gz",
      "-rw-r--r-- root/root /usr/share/doc/teleport-update/changelog.gz",
      "-rw-r--r-- root/root /usr/share/doc/teleport-update/copyright",
      "-rw-r--r-- root/root /usr/share/lintian/overrides/teleport-update",
      "-rw-r--r-- root/root /usr/share/zsh/vendor-completions/_teleport-update",
    ]);
    expect(rpms).toEqual([
      "-rw-r--r-- root/root /usr/share/licenses/teleport-update/LICENSE",
      "-rw-r--r-- root/root /usr/share/licenses/teleport-update/THIRD-PARTY-NOTICES.txt",
      "-rw-r--r-- root/root /usr/share/zsh/site-functions/_teleport-update",
    ]);
  });

  test("run the same scripts", async () => {
    const control = join(directory, "control");
    await must(["dpkg-deb", "--control", made.deb, control]);
    const scriptlets = await must(["rpm", "--query", "--package", "--scripts", made.rpm]);
    for (const name of SCRIPTS) {
      const script = readFileSync(join(FOLDER, name), "utf8");
      expect(readFileSync(join(control, name), "utf8")).toBe(script);
      expect(scriptlets).toContain(script.slice(script.indexOf("\n") + 1).trim());
    }
  });

  test("are the same bytes wherever, whenever and by whatever mask they are made", async () => {
    const again = await makePackages(
      "again",
      ["--version", "1.2.3", "--arch", "amd64"],
      `cd /; umask 077; export TZ=Pacific/Apia LC_ALL=C.UTF-8;`,
    );
    expect(digest(again.deb)).toBe(digest(made.deb));
    expect(digest(again.rpm)).toBe(digest(made.rpm));
  }, 60_000);

  test("of a version to come sort before it", async () => {
    const { deb, rpm } = await makePackages("candidate", ["--version", "2.0.0-rc.1", "--arch", "arm64"]);
    expect(deb).toEndWith("/teleport-update_2.0.0~rc.1_arm64.deb");
    expect(rpm).toEndWith("/teleport-update-2.0.0~rc.1-1.aarch64.rpm");
    expect((await must(["dpkg-deb", "--field", deb, "Version"])).trim()).toBe("2.0.0~rc.1");
  }, 60_000);

  test("of the FIPS variant need the host's curl and openssl, and exclude the others", async () => {
    const { deb, rpm } = await makePackages("fips", ["--fips", "--version", "1.2.3", "--arch", "amd64"]);
    expect(deb).toEndWith("/teleport-update-fips_1.2.3_amd64.deb");
    const fields = await must(["dpkg-deb", "--field", deb, "Depends", "Conflicts", "Replaces"]);
    expect(fields).toBe(
      "Depends: libc6 (>= 2.17), curl, openssl\nConflicts: teleport-update\nReplaces: teleport-update\n",
    );
    const required = (await must(["rpm", "--query", "--package", "--requires", rpm])).split("\n");
    expect(required).toEqual(expect.arrayContaining(["curl", "openssl", "util-linux"]));
    expect(await must(["rpm", "--query", "--package", "--conflicts", rpm])).toBe("teleport-update\n");
  }, 60_000);

  test("of nfpm have the same files and scripts", async () => {
    const config = Bun.YAML.parse(readFileSync(join(FOLDER, "nfpm.yaml"), "utf8")) as NfpmConfig;
    const pathsFor = (format: string) => config.contents.filter(({ packager = format }) => packager === format);
    for (const [format, listed] of [
      ["deb", await listDeb(made.deb)],
      ["rpm", await listRpm(made.rpm)],
    ] as const) {
      const described = pathsFor(format).map(({ dst, src, type, file_info: { mode } = {} }) => {
        if (type === "symlink") return `lrwxrwxrwx root/root ${dst} -> ${src}`;
        return `${mode === 0o755 ? "-rwxr-xr-x" : "-rw-r--r--"} root/root ${dst}`;
      });
      expect(described.sort()).toEqual(listed);
    }
    const { maintainer, license, summary, description } = ABOUT;
    expect([config.maintainer, config.license]).toEqual([maintainer, license]);
    expect(config.description.trimEnd().split("\n")).toEqual([summary, ...description]);
    expect(config.scripts).toEqual({
      postinstall: "scripts/package/postinst",
      preremove: "scripts/package/prerm",
      postremove: "scripts/package/postrm",
    });
    for (const { src, dst } of config.contents.filter(({ src }) => src.includes("/tree-"))) {
      expect(src).toEndWith(dst);
      const tree = src.replace(/\$\{ARCH\}/, "amd64").replace("dist/packages", made.folder);
      expect({ tree, isThere: await Bun.file(tree).exists() }).toEqual({ tree, isThere: true });
    }
  });

  test("are refused for a program, a version or a format that is none", async () => {
    const attempt = (...options: string[]) => must([process.execPath, SCRIPT, "--to", directory, ...options]);
    await expect(attempt("--executable", "/nowhere")).rejects.toThrow("`/nowhere` is missing");
    await expect(attempt("--executable", "/bin/true", "--version", "../1")).rejects.toThrow("no version to package");
    await expect(attempt("--executable", "/bin/true", "--format", "apk")).rejects.toThrow("choose deb or rpm");
  });
});

describe("what the distributions' checks say", () => {
  test("shellcheck about the scripts: nothing", async () => {
    expect(await must(["shellcheck", "--shell=sh", ...["copies", ...SCRIPTS].map((name) => join(FOLDER, name))])).toBe(
      "",
    );
  });

  test("lintian and rpmlint about the packages as they are shipped: nothing but what is explained", async () => {
    const { deb, rpm } = await makePackages("shipped", ["--executable", await executablePath("amd64")]);
    // It also complains of an override that nothing needs any more.
    expect(await must(["lintian", "--allow-root", "--display-info", "--fail-on", "warning,info", deb])).toBe("");
    const said = await must(["rpmlint", "--config", join(FOLDER, "rpmlint.toml"), "--strict", rpm]);
    expect(said).toContain("0 errors, 0 warnings");
  }, 300_000);
});

interface NfpmConfig {
  maintainer: string;
  license: string;
  description: string;
  scripts: Record<string, string>;
  contents: { dst: string; src: string; type?: string; packager?: string; file_info?: { mode: number } }[];
}

/** Files and links: `-rwxr-xr-x root/root /usr/lib/teleport-update/copies`. */
async function listDeb(deb: string): Promise<string[]> {
  return (await must(["dpkg-deb", "--contents", deb]))
    .split("\n")
    .flatMap((line) => /^([-l]\S+) (\S+) .*? \.(\/.*)$/.exec(line)?.slice(1, 4).join(" ") ?? [])
    .sort();
}

async function listRpm(rpm: string): Promise<string[]> {
  const format = "[%{FILEMODES:perms} %{FILEUSERNAME}/%{FILEGROUPNAME} %{FILENAMES} %{FILELINKTOS}\\n]";
  return (await must(["rpm", "--query", "--package", "--queryformat", format, rpm]))
    .split("\n")
    .filter((line) => /^[-l]/.test(line))
    .map((line) => line.trimEnd().replace(/^(l\S+ \S+ \S+) /, "$1 -> "))
    .sort();
}

const isIn = (others: readonly string[]) => (line: string) => others.includes(line);
const isNotIn = (others: readonly string[]) => (line: string) => !others.includes(line);

function digest(path: string): string {
  return new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex");
}
