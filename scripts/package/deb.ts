import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ABOUT } from "./about.ts";
import { type Entry, SCRIPTS_FOLDER } from "./contents.ts";
import type { PackagePlan } from "./plan.ts";
import { runTool } from "./run-tool.ts";
import { finish } from "./stage.ts";

/** Those of dpkg's scripts that the package has; rpm runs the same. */
export const SCRIPTS = ["postinst", "prerm", "postrm"] as const;

/** Makes `<package>_<version>_<architecture>.deb` of the staged tree, and answers its path. */
export async function makeDeb(plan: PackagePlan, entries: readonly Entry[]): Promise<string> {
  const control = join(plan.tree, "DEBIAN");
  mkdirSync(control);
  writeFileSync(join(control, "control"), controlText(plan, entries));
  writeFileSync(join(control, "md5sums"), digestsOf(plan.tree, entries));
  for (const name of ["control", "md5sums"]) chmodSync(join(control, name), 0o644);
  for (const name of SCRIPTS) {
    copyFileSync(join(SCRIPTS_FOLDER, name), join(control, name));
    chmodSync(join(control, name), 0o755);
  }
  finish(plan.tree, plan.date);
  const deb = join(plan.folder, `${plan.packageName}_${plan.version}_${plan.architecture}.deb`);
  // Not zstd: bullseye cannot read it. Higher levels of xz take eight times as long for a tenth.
  const compression = plan.isQuick ? ["-Zgzip", "-z1"] : ["-Zxz", "-z1"];
  await runTool(["dpkg-deb", "--root-owner-group", ...compression, "--build", plan.tree, deb], plan);
  return deb;
}

function controlText({ packageName, version, architecture, isFips, tree }: PackagePlan, entries: readonly Entry[]) {
  const other = isFips ? "teleport-update" : "teleport-update-fips";
  const fields = {
    Package: packageName,
    Version: version,
    Architecture: architecture,
    Maintainer: ABOUT.maintainer,
    "Installed-Size": installedSize(tree, entries),
    Depends: ["libc6 (>= 2.17)", ...(isFips ? ["curl", "openssl"] : [])].join(", "),
    Recommends: "ca-certificates, procps, systemd",
    // The same program at the same places.
    Conflicts: other,
    Replaces: other,
    Section: "admin",
    Priority: "optional",
    Description: [ABOUT.summary, ...ABOUT.description.map((line) => ` ${line || "."}`)].join("\n"),
  };
  return Object.entries(fields)
    .map(([key, value]) => `${key}: ${value}\n`)
    .join("");
}

/** In KiB, each file rounded up, and one for each link (Debian policy, 5.6.20). */
function installedSize(tree: string, entries: readonly Entry[]): number {
  const sizes = entries.map(({ kind, path }) =>
    kind === "link" ? 1 : Math.ceil(statSync(join(tree, path)).size / 1024),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** MD5, as dpkg knows no other: it tells a rotten file, and no attack. */
function digestsOf(tree: string, entries: readonly Entry[]): string {
  const files = entries.filter(({ kind }) => kind === "file").map(({ path }) => path);
  return files
    .map(
      (path) =>
        `${createHash("md5")
          .update(readFileSync(join(tree, path)))
          .digest("hex")}  ${path.slice(1)}\n`,
    )
    .join("");
}
