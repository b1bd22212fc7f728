import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { SCRIPTS } from "../../scripts/package/deb.ts";
import { executablePath, fipsExecutablePath } from "../support/executable.ts";
import { must } from "../support/must.ts";
import { listDeb, listRpm, type Made, makeBoth, SCRIPT } from "./package/making.ts";

const FOLDER = resolve("scripts/package");

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "packages-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

const makePackages = (name: string, options: readonly string[] = [], shell = "") =>
  makeBoth(join(directory, name), options, shell);

describe("the packages", () => {
  let made: Made;
  beforeAll(async () => {
    made = await makePackages("plain", ["--version", "1.2.3", "--arch", "amd64"]);
  }, 60_000);

  test("have the names of their formats", () => {
    expect(readdirSync(made.folder).sort()).toEqual([
      "teleport-update-1.2.3-1.x86_64.rpm",
      "teleport-update_1.2.3_amd64.deb",
    ]);
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
      "drwxr-xr-x root/root /usr/lib/teleport-update",
      "drwxr-xr-x root/root /usr/share/licenses/teleport-update",
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

  test.each([
    ["ordinary", [], () => executablePath("amd64")],
    ["FIPS", ["--fips"], fipsExecutablePath],
  ] as const)(
    "lintian and rpmlint about the packages as they are shipped, %s: nothing but what is explained",
    async (name, options, built) => {
      const { deb, rpm } = await makePackages(`shipped-${name}`, ["--executable", await built(), ...options]);
      // It also complains of an override that nothing needs any more.
      expect(await must(["lintian", "--allow-root", "--display-info", "--fail-on", "warning,info", deb])).toBe("");
      const said = await must(["rpmlint", "--config", join(FOLDER, "rpmlint.toml"), "--strict", rpm]);
      expect(said).toContain("0 errors, 0 warnings");
    },
    300_000,
  );
});

const isIn = (others: readonly string[]) => (line: string) => others.includes(line);
const isNotIn = (others: readonly string[]) => (line: string) => !others.includes(line);

function digest(path: string): string {
  return new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex");
}
