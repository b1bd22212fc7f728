import { copyFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import type { ReleasePlan } from "./release-plan.ts";
import { bootTrialHost, enroll, must, PLACE, startTrialCluster } from "./trial-host.ts";
import { type Variant, variantName } from "./variants.ts";

/** How a format is put on a host, and what lets a host of another processor have it. */
const FORMATS = {
  deb: {
    tools: [],
    install: (file: string) => `dpkg --install ${file}`,
    // The C library that it depends on would have to be one for that processor, too.
    installForeign: (file: string) => `dpkg --install --force-architecture --force-depends ${file}`,
  },
  rpm: {
    tools: ["rpm"],
    install: installRpm,
    installForeign: (file: string) => installRpm(`--ignorearch ${file}`),
  },
} as const;
type Format = keyof typeof FORMATS;

/** Debian keeps hosts from being mixed up; its older rpm wants to be told that this is meant, and its newer one knows no such word. */
function installRpm(words: string): string {
  return `rpm --install --nodeps ${words} || rpm --install --nodeps --force-debian ${words}`;
}

/** Makes the deb and the rpm of each variant, by `scripts/package.ts`. */
export async function makePackages({ variants, folder }: ReleasePlan): Promise<void> {
  for (const { architecture, isFips } of variants) {
    const argv = ["scripts/package.ts", "--arch", architecture, ...(isFips ? ["--fips"] : [])];
    const child = Bun.spawn([process.execPath, ...argv], { stdio: ["ignore", "pipe", "inherit"] });
    const made = (await child.stdout.text()).split("\n").filter((path) => path !== "");
    if ((await child.exited) !== 0) throw new Error(`\`${argv.join(" ")}\` exited ${child.exitCode}`);
    for (const path of made) copyFileSync(path, join(folder, basename(path)));
  }
}

/** Installs each package on a Debian of its own, and enrolls it; names each as it passes. */
export async function verifyPackages(plan: ReleasePlan): Promise<void> {
  await using cluster = await startTrialCluster(plan);
  for (const variant of plan.variants) {
    for (const format of Object.keys(FORMATS) as Format[]) {
      const { install, installForeign, tools } = FORMATS[format];
      const name = packageIn(plan, variant, format);
      await using host = await bootTrialHost(cluster, variant, {
        artefacts: [join(plan.folder, name)],
        packages: tools,
      });
      const command = (variant.architecture === "arm64" ? installForeign : install)(`${PLACE}/${name}`);
      const said = await must(host, `{ ${command}; } 2>&1`);
      // To rpm that is no failure.
      if (said.includes("scriptlet failed")) throw new Error(`\`${name}\` was not installed well:\n${said}`);
      console.log(
        `      ${name}: ${await enroll(host, cluster, variant, { ...plan, path: "/usr/bin/teleport-update" })}`,
      );
    }
  }
}

/** A version as packages have it is not always ours, so the name is looked for. */
function packageIn({ folder }: ReleasePlan, { architecture, isFips }: Variant, format: Format): string {
  const machine = { deb: architecture, rpm: architecture === "amd64" ? "x86_64" : "aarch64" }[format];
  const shape = new RegExp(`^teleport-update${isFips ? "-fips" : ""}[_-]\\d.*[._]${machine}\\.${format}$`);
  const name = readdirSync(folder).find((file) => shape.test(file));
  if (name === undefined) throw new Error(`there is no ${format} for ${variantName({ architecture, isFips })}`);
  return name;
}
