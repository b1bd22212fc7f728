import type { ChangeKind } from "../../../src/platform/change.ts";
import type { Strike } from "../../../src/platform/fault-point.ts";
import { type AlikeHosts, bootAlike } from "./alike-hosts.ts";
import type { UpdaterHost } from "./updater-host.ts";

/** Every way to strike at one kind of change; each has its own host, so that they go on at once. */
const CASES = {
  "killed before": { strike: "kill", moment: "before" },
  "killed after": { strike: "kill", moment: "after" },
  failing: { strike: "error", moment: "after" },
  "without space": { strike: "no-space", moment: "after" },
  "with an I/O error": { strike: "io-error", moment: "after" },
} as const satisfies Record<string, { strike: Strike; moment: "before" | "after" }>;

export type StrikeCase = keyof typeof CASES;

export function bootForStrikes(bootOne: () => Promise<UpdaterHost>): Promise<AlikeHosts<StrikeCase>> {
  return bootAlike(Object.keys(CASES) as StrikeCase[], bootOne);
}

/** Where a case strikes, and how. After the commit nothing that can fail is left of it, so only a kill strikes there. */
export function strikeOf(name: StrikeCase, kind: ChangeKind | "commit"): { point: string; strike: Strike } {
  const { strike, moment } = CASES[name];
  const isKept = kind === "commit" && strike !== "kill";
  return { point: `${kind}:${isKept ? "before" : moment}`, strike };
}
