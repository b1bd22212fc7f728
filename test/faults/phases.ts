import type { ChangeKind } from "../../src/platform/change.ts";

/**
 * What an update is doing, in the order of its parts. `download` is all that only looks and stages: the start, the
 * question to the cluster, the archive itself. `removal` makes room by dropping the release before the last.
 */
export const PHASES = [
  "download",
  "removal",
  "configuration",
  "release into place",
  "links",
  "units",
  "reload",
  "commit",
  "after the end",
] as const;
export type Phase = (typeof PHASES)[number];

/** The phase of a run that has passed these fault points so far, as `TESTING_FAULT_LOG` has them: `<kind>:<when>[:<subject>]`. */
export function phaseAfter(points: readonly string[]): Phase {
  const last = points.at(-1);
  if (last === undefined) return "download";
  const [kind = "", when = "", ...subject] = last.split(":");
  if (kind === "commit") return when === "before" ? "commit" : "after the end";
  if (kind !== "remove" || when !== "after") return phaseOf(parseKind(kind, last), subject.join(":"));
  return points.includes("commit:after") ? "after the end" : "download";
}

const BY_PATH = "by path";
const PHASE_OF_KIND = {
  directory: BY_PATH,
  file: BY_PATH,
  link: BY_PATH,
  move: "release into place",
  remove: "removal",
  "daemon-reload": "units",
  unit: "units",
  setup: "units",
  "selinux-module": "units",
  reload: "reload",
} satisfies Record<ChangeKind, Phase | typeof BY_PATH>;

function phaseOf(kind: ChangeKind, path: string): Phase {
  const phase = PHASE_OF_KIND[kind];
  if (phase !== BY_PATH) return phase;
  if (/\/(update|updater)\.yaml$/.test(path)) return "configuration";
  // A version that is to go loses its proof first.
  if (/\/versions\/[^/]+\/sha256$/.test(path)) return "removal";
  if (/\/(systemd|needrestart)\/|\/units\.sha256$/.test(path)) return "units";
  return kind === "link" ? "links" : "release into place";
}

function parseKind(kind: string, point: string): ChangeKind {
  if (Object.hasOwn(PHASE_OF_KIND, kind)) return kind as ChangeKind;
  throw new Error(`\`${point}\` is no fault point of a change`);
}
