/** What names the content of a file as it is now. */
export interface Validators {
  /** With its quotes; `W/` in front when it does not stand for the bytes. */
  etag: string;
  modified: Date;
}

/**
 * Whether the client wants the file as it was, and it is another by now: status 412 (RFC 9110 §13.2.2: this comes first, and a tag
 * counts more than a time). A weak tag never says that it is the same (§13.1.1).
 */
export function isOther(headers: Headers, { etag, modified }: Validators): boolean {
  const tags = headers.get("if-match");
  if (tags !== null) return tags.trim() !== "*" && !strongTagsIn(tags).includes(etag);
  const since = readDate(headers.get("if-unmodified-since"));
  return since !== undefined && wholeSeconds(modified) > since;
}

/** Whether the client has this content already: status 304 (RFC 9110 §13.2.2: a tag counts more than a time). */
export function isKnown(headers: Headers, { etag, modified }: Validators): boolean {
  const tags = headers.get("if-none-match");
  if (tags !== null) return tags.trim() === "*" || tagsIn(tags).includes(opaque(etag));
  const since = readDate(headers.get("if-modified-since"));
  return since !== undefined && wholeSeconds(modified) <= since;
}

/**
 * Whether a range may be answered as such: without `If-Range` always, with it only when the client's bytes are surely of
 * the same content. A weak tag never says so, and a time only once its second is over (RFC 9110 §13.1.5, §8.8.2.2).
 */
export function mayContinue(headers: Headers, { etag, modified }: Validators, now: Date): boolean {
  const condition = headers.get("if-range")?.trim();
  if (condition === undefined) return true;
  if (condition.startsWith('"')) return condition === etag;
  const seen = readDate(condition);
  return seen === wholeSeconds(modified) && now.getTime() - seen > 1000;
}

/** A time as headers have it: `Sun, 06 Nov 1994 08:49:37 GMT`. */
export function formatDate(date: Date): string {
  return date.toUTCString();
}

/** Compared without the mark of weakness, as `If-None-Match` does. */
function tagsIn(header: string): string[] {
  return [...header.matchAll(/"[^"]*"/g)].map(([tag]) => tag);
}

function strongTagsIn(header: string): string[] {
  return [...header.matchAll(/(W\/)?("[^"]*")/g)].flatMap(([, weak, tag = ""]) => (weak === undefined ? [tag] : []));
}

function opaque(etag: string): string {
  return etag.replace(/^W\//, "");
}

/** Milliseconds; only the one form that senders must use, as `Date.parse` would take any text for a time. */
function readDate(text: string | null | undefined): number | undefined {
  if (!/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text ?? "")) return undefined;
  const time = Date.parse(text ?? "");
  return Number.isNaN(time) ? undefined : time;
}

function wholeSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000) * 1000;
}
