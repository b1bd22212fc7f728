import { escapeControls, plainJson } from "../platform/plain-text.ts";

/** One answer, written when it begins: what the client then does with it shows in what it asks next. */
export interface AccessRecord {
  time: Date;
  remote: string;
  method: string;
  target: string;
  status: number;
  /** Of the body that was promised; 0 when there is none. */
  bytes: number;
  range: string | null;
  userAgent: string | null;
}

/** What of a client's text is kept. */
const TEXT_LIMIT = 512;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `192.0.2.7 - - [22/Nov/2026:16:20:27 +0000] "GET /index.json HTTP/1.1" 200 5120`: the Common Log Format, in UTC. */
export function commonLine({ time, remote, method, target, status, bytes }: AccessRecord): string {
  const request = quotable(`${method} ${bounded(target)} HTTP/1.1`);
  return `${remote || "-"} - - [${stamp(time)}] "${request}" ${status} ${bytes === 0 ? "-" : bytes}`;
}

/** The same and more, as one line of JSON. */
export function jsonLine({ time, target, range, userAgent, ...rest }: AccessRecord): string {
  const record = {
    time: time.toISOString(),
    ...rest,
    target: bounded(target),
    ...(range === null ? {} : { range: bounded(range) }),
    ...(userAgent === null ? {} : { user_agent: bounded(userAgent) }),
  };
  return plainJson(record);
}

function bounded(text: string): string {
  return text.length > TEXT_LIMIT ? `${text.slice(0, TEXT_LIMIT)}…` : text;
}

function quotable(text: string): string {
  return escapeControls(text.replace(/["\\]/g, "\\$&"));
}

function stamp(time: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${two(time.getUTCDate())}/${MONTHS[time.getUTCMonth()]}/${time.getUTCFullYear()}`;
  return `${day}:${two(time.getUTCHours())}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())} +0000`;
}
