import { succeeds } from "../platform/errors.ts";
import type { World } from "../platform/world.ts";
import type { Namespace } from "../settings/namespace.ts";
import { unknownOptions } from "../settings/options.ts";

/**
 * Warns of each key in `updater.yaml` that this release passes over, as a mistyped one turns a protection off. It fails
 * nothing: a newer release may have written the key, and a file that cannot be read is refused where it is needed.
 */
export function warnOfUnknownOptions({ files, log }: Pick<World, "files" | "log">, namespace: Namespace): void {
  succeeds(() => {
    for (const { key, meant } of unknownOptions(files, namespace)) {
      log.warn("The settings have a key that this release does not know, and that has no effect.", {
        path: files.real(namespace.options),
        key,
        did_you_mean: meant,
      });
    }
  });
}
