import { copyFileSync } from "node:fs";
import { join } from "node:path";
import type { ReleasePlan } from "./release-plan.ts";
import { tarballsOf } from "./tarballs.ts";
import { bootTrialHost, enableWords, enterFipsMode, expectUpdated, must, startTrialCluster } from "./trial-host.ts";
import { type Variant, variantName } from "./variants.ts";

/**
 * Enrolls a new Debian by `curl … | sh`, and one in FIPS mode, each from a mirror that has the tarballs of this release. The script
 * needs a kernel that says which processor it is on, so that there is no trial for arm64.
 */
export async function verifyInstallScript(plan: ReleasePlan): Promise<void> {
  for (const variant of plan.variants.filter(({ architecture }) => architecture === "amd64")) {
    console.log(`      install.sh, ${variantName(variant)}: ${await installOnHost(plan, variant)}`);
  }
}

async function installOnHost(plan: ReleasePlan, variant: Variant): Promise<string> {
  await using cluster = await startTrialCluster({ variants: [variant] });
  const tarball = tarballsOf(variant, plan.version)[0]?.gzip ?? "";
  for (const name of ["install.sh", tarball]) copyFileSync(join(plan.folder, name), join(cluster.releases ?? "", name));
  await using host = await bootTrialHost(cluster, variant, { artefacts: [], packages: ["curl"] });
  if (variant.isFips) await enterFipsMode(host);
  const words = enableWords(cluster, plan).slice(1).join(" ");
  await must(host, `curl --fail --silent --show-error ${cluster.baseUrl}/install.sh | sh -s -- ${words}`);
  await expectUpdated(host);
  return (await must(host, "teleport-update version")).trimEnd().replaceAll("\n", "; ");
}
