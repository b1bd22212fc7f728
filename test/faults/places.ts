import type { ChangeKind } from "../../src/platform/change.ts";

/** What is struck on a booted host; each has its own file in `test/booted/`, which strikes at all kinds that name it here. */
export type BootedOperation = "update" | "enable" | "uninstall" | "enable with SELinux";

interface Place {
  /** In the kill matrix: under `--root`, at every point of every scenario. */
  isUnderRoot: boolean;
  /** With a systemd that runs, at the first change of the kind. */
  booted: readonly [BootedOperation, ...BootedOperation[]];
}

/**
 * Where each kind of change is struck. A new kind must be given its place; one that does not occur where it is to be
 * struck fails the run.
 */
export const PLACES = {
  directory: { isUnderRoot: true, booted: ["enable"] },
  file: { isUnderRoot: true, booted: ["update", "enable", "uninstall"] },
  link: { isUnderRoot: true, booted: ["update", "enable", "uninstall"] },
  move: { isUnderRoot: true, booted: ["update", "enable"] },
  remove: { isUnderRoot: true, booted: ["update", "uninstall"] },
  "daemon-reload": { isUnderRoot: false, booted: ["update", "enable", "uninstall"] },
  unit: { isUnderRoot: false, booted: ["enable", "uninstall"] },
  setup: { isUnderRoot: false, booted: ["update"] },
  "selinux-module": { isUnderRoot: false, booted: ["enable with SELinux"] },
  reload: { isUnderRoot: false, booted: ["update"] },
} as const satisfies Record<ChangeKind, Place>;

/** The kinds of change at which an operation is struck on a booted host. */
export function kindsStruckIn(operation: BootedOperation): ChangeKind[] {
  return (Object.keys(PLACES) as ChangeKind[]).filter((kind) => {
    const { booted }: Place = PLACES[kind];
    return booted.includes(operation);
  });
}
