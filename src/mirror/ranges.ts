/** What of a file is asked for. */
export type RequestedPart =
  | { kind: "whole" }
  /** `end` is exclusive, and `start` lies before it. */
  | { kind: "part"; start: number; end: number }
  /** Nothing of it lies in the file: status 416. */
  | { kind: "outside" };

const WHOLE: RequestedPart = { kind: "whole" };

/**
 * Reads a `Range` header for a file of `size` bytes (RFC 9110 §14.1.2). What is malformed counts as absent, as the
 * standard says; so do several ranges, which no updater asks for and which cost a server more than their client.
 */
export function readRange(header: string | null, size: number): RequestedPart {
  const [, first, last] = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(header ?? "") ?? [];
  if (first === undefined || last === undefined || first + last === "") return WHOLE;
  if (first === "") return lastBytes(Number(last), size);
  const [start, end] = [Number(first), last === "" ? size : Math.min(Number(last) + 1, size)];
  if (last !== "" && Number(last) < start) return WHOLE;
  return start < size ? { kind: "part", start, end } : { kind: "outside" };
}

function lastBytes(count: number, size: number): RequestedPart {
  if (count === 0) return { kind: "outside" };
  return size === 0 ? WHOLE : { kind: "part", start: Math.max(0, size - count), end: size };
}
