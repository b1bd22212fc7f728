import { UNIT_MARKER } from "../settings/custom-tbot.ts";

/** More would push everything else out of sight; the copy of the unit has the rest. */
const SHOWN_LINES = 40;
/** Texts that have less than this in common are no longer compared line by line. */
const MOST_EDITS = 500;

/** True when two texts of a unit are the same apart from the marker, which names another revision at every update. */
export function isSameUnit(a: string, b: string): boolean {
  return withoutMarker(a) === withoutMarker(b);
}

/**
 * How a unit went from one text to another, line by line: `- ` is gone, `+ ` is new. Comments are left out: each updater
 * has its own, and they do nothing. At most 40 lines, and a last one that counts the rest.
 */
export async function differingLines(from: string, to: string): Promise<string[]> {
  const { diffLines } = await import("diff");
  const parts = diffLines(withoutComments(from), withoutComments(to), { maxEditLength: MOST_EDITS });
  if (parts === undefined) return ["(the two texts have too little in common to be compared)"];
  const lines = parts.flatMap(({ added, removed, value }) => {
    const sign = added ? "+" : "-";
    return added || removed ? linesOf(value).map((line) => `${sign} ${line}`) : [];
  });
  if (lines.length <= SHOWN_LINES) return lines;
  return [...lines.slice(0, SHOWN_LINES), `(and ${lines.length - SHOWN_LINES} more lines)`];
}

function withoutMarker(text: string): string {
  return text.startsWith(UNIT_MARKER.trimEnd()) ? text.slice(text.indexOf("\n") + 1) : text;
}

function withoutComments(text: string): string {
  return text.replaceAll(/^([#;].*|[ \t]*)(\n|$)/gm, "");
}

function linesOf(text: string): string[] {
  return text.replace(/\n$/, "").split("\n");
}
