import { mkdirSync, renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";
import { must } from "../../support/must.ts";

const NAMESPACE = "/opt/teleport/default";

/** Lays a release out in the tree of a host as upstream's updater does, links included (installer-systemd §1.4). */
export async function installAsUpstream(directory: string, archive: string, version: string): Promise<void> {
  const place = join(NAMESPACE, "versions", version);
  const [bin, units, links] = [join(directory, place, "bin"), join(directory, place, "lib"), "usr/local/bin"];
  mkdirSync(bin, { recursive: true });
  mkdirSync(join(directory, links), { recursive: true });
  await must(["tar", "-xzf", archive, "-C", bin, "--strip-components=1"]);
  renameSync(join(bin, "examples"), units);
  mkdirSync(join(units, "systemd/system"));
  renameSync(join(units, "systemd/teleport.service"), join(units, "systemd/system/teleport.service"));
  for (const name of ["VERSION", "README.md", "CHANGELOG.md", "LICENSE-community", "install", "install-selinux.sh"]) {
    await must(["rm", join(bin, name)]);
  }
  const sha256 = (await must(["sha256sum", archive])).slice(0, 64);
  await Bun.write(join(directory, place, "sha256"), sha256);
  await Bun.write(join(directory, NAMESPACE, "update.lock"), "");
  for (const name of new Glob("*").scanSync(bin)) symlinkSync(join(place, "bin", name), join(directory, links, name));
}
