import { ARCHIVE_TARGETS } from "./archives.ts";
import { HOST_TARGETS } from "./host.ts";
import { NETWORK_TARGETS } from "./network.ts";
import { SETTINGS_TARGETS } from "./settings.ts";
import type { FuzzTarget } from "./target.ts";

/** All that is fuzzed: by `bun test` with few inputs, by `npm run fuzz` for as long as one likes. */
export const TARGETS: readonly FuzzTarget[] = [
  ...ARCHIVE_TARGETS,
  ...SETTINGS_TARGETS,
  ...NETWORK_TARGETS,
  ...HOST_TARGETS,
];

/** Tries one input of a target again: how a found case becomes a test. */
export function targetNamed(name: string): FuzzTarget {
  const target = TARGETS.find((one) => one.name === name);
  if (target === undefined) throw new Error(`there is no target ${name}: ${TARGETS.map((one) => one.name).join(", ")}`);
  return target;
}
