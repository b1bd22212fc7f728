import type { AnswerHead } from "../http-status.ts";

/** The head of an answer, and what came behind it. */
export interface ReadHead extends AnswerHead {
  rest: Buffer;
}

const HEAD_LIMIT = 256 << 10;
const END = "\r\n\r\n";
const STATUS_LINE = /^HTTP\/1\.[01] ([1-5]\d\d)(?: [^\r\n]*)?$/;
const SWITCHED = 101;

/**
 * Reads the head of an answer of HTTP/1 from its first bytes; undefined while they are too few. Heads that only announce
 * another (100, 103) are passed over. Throws errors with a code that `explainHttpError` knows.
 */
export function readHead(bytes: Buffer): ReadHead | undefined {
  const end = bytes.indexOf(END);
  if (end > HEAD_LIMIT || (end < 0 && bytes.length > HEAD_LIMIT)) throw malformed("ResponseHeadersTooLarge");
  if (end < 0) return undefined;
  const [first = "", ...lines] = bytes.subarray(0, end).toString("latin1").split("\r\n");
  const status = Number(STATUS_LINE.exec(first)?.[1] ?? 0);
  if (status === 0) throw malformed("Malformed_HTTP_Response");
  if (status === SWITCHED) throw malformed("UnrequestedUpgrade");
  const rest = bytes.subarray(end + END.length);
  return status < 200 ? readHead(rest) : { status, headers: headersOf(lines), rest };
}

function headersOf(lines: readonly string[]): Headers {
  const headers = new Headers();
  for (const line of lines) {
    const [, name = "", value = ""] = /^([^\s:]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/.exec(line) ?? [];
    try {
      headers.append(name, value);
    } catch {
      throw malformed("Malformed_HTTP_Response");
    }
  }
  // Whether it is one number: of two, curl would choose one.
  if (!/^\d*$/.test(headers.get("content-length") ?? "")) throw malformed("InvalidContentLength");
  return headers;
}

function malformed(code: string): Error {
  return Object.assign(new Error("the head of the answer cannot be read"), { code });
}
