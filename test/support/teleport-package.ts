import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HOST_ARCHITECTURE } from "./elf-patch.ts";
import { must } from "./must.ts";
import { STOCK_UNIT } from "./release-texts.ts";
import { type StandIn, writeStandIn } from "./stand-ins.ts";

export const PACKAGE_BIN = "/opt/teleport/system/bin";

/** Its stand-in programs, by name (installer-systemd §1.8). */
const SOURCES = {
  teleport: "agent",
  tctl: "tool",
  tsh: "tool",
  tbot: "bot",
  "fdpass-teleport": "tool",
  "teleport-update": "updater",
} as const satisfies Record<string, StandIn["source"]>;

export const PACKAGE_PROGRAMS = Object.keys(SOURCES).sort();

export interface PackageOptions {
  version: string;
  /** The agent of a broken package. */
  badAgent?: StandIn["behaviour"];
  /** Path of the program that is put in as `teleport-update`; default: a stand-in. */
  updater?: string | undefined;
}

/** Lays the files of the package out below `root` as dpkg would; no script is run. */
export async function layOutPackage(root: string, { version, badAgent, updater }: PackageOptions): Promise<void> {
  const units = join(root, "/opt/teleport/system/lib/systemd/system");
  const bin = join(root, PACKAGE_BIN);
  for (const folder of [bin, units]) mkdirSync(folder, { recursive: true });
  writeFileSync(join(units, "teleport.service"), STOCK_UNIT);
  for (const [name, source] of Object.entries(SOURCES)) {
    if (name === "teleport-update" && updater !== undefined) copyFileSync(updater, join(bin, name));
    else
      await writeStandIn(join(bin, name), { source, version, behaviour: name === "teleport" ? badAgent : undefined });
  }
}

/** The scripts of upstream's packages, in own words (installer-systemd §6.3): a failed link fails the installation. */
const SCRIPTS = {
  postinst: `#!/bin/sh
set -e
echo 'linking Teleport'
${PACKAGE_BIN}/teleport-update link-package
`,
  prerm: `#!/bin/sh
[ "$1" = 1 ] || ${PACKAGE_BIN}/teleport-update unlink-package || true
`,
};

/** Builds a real `teleport_<version>_<arch>.deb` in `directory` and answers its path. */
export async function makeDeb(directory: string, options: PackageOptions): Promise<string> {
  const tree = join(directory, `deb-${options.version}`);
  await layOutPackage(tree, options);
  mkdirSync(join(tree, "var/lib/teleport"), { recursive: true, mode: 0o700 });
  mkdirSync(join(tree, "DEBIAN"));
  const control = {
    Package: "teleport",
    Version: options.version,
    Architecture: HOST_ARCHITECTURE,
    Maintainer: "Nobody <nobody@example.com>",
    Description: "stand-in for the package of Teleport",
  };
  const lines = Object.entries(control).map(([key, value]) => `${key}: ${value}\n`);
  writeFileSync(join(tree, "DEBIAN/control"), lines.join(""));
  for (const [name, text] of Object.entries(SCRIPTS)) writeFileSync(join(tree, "DEBIAN", name), text, { mode: 0o755 });
  const deb = join(directory, `teleport_${options.version}_${HOST_ARCHITECTURE}.deb`);
  await must(["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, deb]);
  rmSync(tree, { recursive: true });
  return deb;
}
