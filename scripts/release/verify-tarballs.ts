import { join } from "node:path";
import type { Cluster } from "../../test/booted/support/cluster.ts";
import type { BootedHost } from "../../test/support/booted-host.ts";
import type { ReleasePlan } from "./release-plan.ts";
import { type Tarball, tarballsOf } from "./tarballs.ts";
import { bootTrialHost, enroll, must, PLACE, startTrialCluster } from "./trial-host.ts";

/**
 * Installs each tarball on a Debian of its own as its README says: the digest is checked, it is unpacked, `enable` is run from its
 * folder, which is deleted then. Names each as it passes; fails with what was said at the first that does not.
 */
export async function verifyTarballs(plan: ReleasePlan): Promise<void> {
  await using cluster = await startTrialCluster(plan);
  for (const tarball of plan.variants.flatMap((variant) => tarballsOf(variant, plan.version))) {
    for (const name of [tarball.gzip, tarball.zstd]) {
      console.log(`      ${name}: ${await verifyTarball(plan, tarball, name, cluster)}`);
    }
  }
}

async function verifyTarball(plan: ReleasePlan, tarball: Tarball, name: string, cluster: Cluster): Promise<string> {
  const artefacts = [name, `${name}.sha256`].map((file) => join(plan.folder, file));
  await using host = await bootTrialHost(cluster, tarball.variant, { artefacts, packages: ["zstd"] });
  await unpack(host, plan, tarball, name);
  const folder = `${PLACE}/${tarball.topFolder}`;
  const commands = [...(await host.readFile(`${folder}/INSTALL.md`)).matchAll(/^ {4}sudo (install .*)$/gm)];
  await must(host, [`cd ${folder}`, ...commands.map(([, command]) => command)].join(" && "));
  // Awaited here, or the host is gone before.
  return await enroll(host, cluster, tarball.variant, {
    ...plan,
    path: `${folder}/teleport-update`,
    afterwards: `rm -r ${folder}`,
  });
}

/** All of it is root's and of the commit's time. */
async function unpack(host: BootedHost, plan: ReleasePlan, { topFolder }: Tarball, name: string): Promise<void> {
  await must(host, `cd ${PLACE} && sha256sum --check ${name}.sha256 && tar -xf ${name}`);
  const foreign = await must(host, `find ${PLACE}/${topFolder} -not -user root -o -not -group root -o -perm /022`);
  if (foreign !== "") throw new Error(`\`${name}\` unpacks to what others than root may change:\n${foreign}`);
  const times = await must(host, `find ${PLACE}/${topFolder} -printf '%Ts\\n' | sort -u`);
  if (times !== `${plan.date.getTime() / 1000}\n`) throw new Error(`\`${name}\` has files of other times:\n${times}`);
}
