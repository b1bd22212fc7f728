import { isUpdateError, systemErrorCode } from "../platform/errors.ts";
import type { World } from "../platform/world.ts";
import { readTrustedKeys } from "../release/trusted-keys.ts";
import { commandFor } from "../settings/enroll-command.ts";
import { type Namespace, versionDirectory } from "../settings/namespace.ts";
import type { UpdaterOptions } from "../settings/options.ts";
import { formatRevision } from "../settings/revision.ts";
import type { UpdateConfig } from "../settings/update-config.ts";

/*
 * What a host has lost that nobody misses until it is needed: the version that is linked, when a service is started again; a
 * trusted key, with the next release.
 */

/** Warns where the active version is not on the disk, with what brings it back and moves the host nowhere else it would not go. */
export function warnOfLostVersion(
  { files, log }: Pick<World, "files" | "log">,
  namespace: Namespace,
  { spec, status: { active } }: UpdateConfig,
): void {
  if (active.version === "") return;
  const path = versionDirectory(namespace, active);
  if (files.statFollowed(path) !== undefined) return;
  // `enable` would leave a pinned host's version behind.
  const command = spec.pinned ? `pin --force-version ${active.version}` : "enable";
  log.warn("The active version is not on the disk: what is linked leads nowhere.", {
    active_version: formatRevision(active),
    path,
    command: commandFor(namespace, command),
  });
}

/** Warns of a trusted key that cannot be read, for who does not need it now. Who may not look into its folder hears nothing. */
export async function warnOfLostKeys(world: Pick<World, "localFiles" | "log">, options: UpdaterOptions): Promise<void> {
  try {
    await readTrustedKeys(world.localFiles, options.trustedKeys ?? []);
  } catch (error) {
    if (!isUpdateError(error, "E_TRUSTED_KEY")) throw error;
    const reason = error.cause instanceof Error ? error.cause.cause : undefined;
    if (systemErrorCode(reason) === "EACCES") return;
    world.log.warn("A trusted key cannot be read, and without it no update goes on.", {
      error: error.message,
      hint: error.hint,
    });
  }
}
