import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { must } from "./must.ts";
import { isLeftBehind, ownedName } from "./owned-name.ts";

/** Debian releases and their systemd: 247, 252 and 257. */
export type Suite = "bullseye" | "bookworm" | "trixie";

/** Images and running hosts, outside the repository: some 220 MB a suite, and safe to delete between runs. */
export const CACHE_FOLDER = process.env["TELEPORT_UPDATE_TEST_CACHE"] ?? "/var/cache/teleport-update-tests";

const IMAGES_FOLDER = join(CACHE_FOLDER, "images");
const PACKAGES = ["systemd", "systemd-sysv", "dbus", "ca-certificates", "iproute2", "procps"];
/** They would start work of their own in the middle of a test. */
const MASKED_UNITS = ["apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer"];

/**
 * The directory of a small Debian that can boot, made on first use (half a minute) and never changed afterwards.
 * `packages` are added to what every image has.
 */
export async function baseImage(suite: Suite = "bookworm", packages: readonly string[] = []): Promise<string> {
  const included = [...PACKAGES, ...packages];
  const recipe = createHash("sha256")
    .update(JSON.stringify([included, MASKED_UNITS]))
    .digest("hex")
    .slice(0, 12);
  const image = join(IMAGES_FOLDER, `${suite}-${recipe}`);
  if (existsSync(image)) return image;

  mkdirSync(IMAGES_FOLDER, { recursive: true });
  for (const name of readdirSync(IMAGES_FOLDER).filter(isLeftBehind))
    rmSync(join(IMAGES_FOLDER, name), { recursive: true });
  // Under another name until it is whole, as a run may be killed or another may make the same image.
  const unfinished = join(IMAGES_FOLDER, ownedName());
  mkdirSync(unfinished);
  try {
    await must([
      // Ends with the test, and takes its mounts with it: `/proc` and `/sys` must not be there when the folder is deleted.
      ...["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"],
      "mmdebstrap",
      "--quiet",
      "--variant=minbase",
      `--include=${included.join(",")}`,
      `--customize-hook=chroot "$1" systemctl mask ${MASKED_UNITS.join(" ")}`,
      suite,
      unfinished,
    ]);
    if (!existsSync(image)) renameSync(unfinished, image);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return image;
}
