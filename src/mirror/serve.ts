import { closeSync } from "node:fs";
import type { ServerAnswer, ServerRequest } from "../platform/http-server.ts";
import type { FilePart } from "../platform/paced-file.ts";
import type { AccessRecord } from "./access-log.ts";
import { formatDate, isKnown, isOther, mayContinue } from "./conditional.ts";
import { readRange } from "./ranges.ts";
import { servedName } from "./served-name.ts";
import type { ServedFile, ServedTree } from "./served-tree.ts";

export interface MirrorService {
  tree: ServedTree;
  /** The path that stands before every name; empty for none. */
  prefix: string;
  now(): Date;
  /** Gets each answer as it begins. */
  record(access: AccessRecord): void;
}

/**
 * How a mirror answers: the files of its tree by GET and HEAD, with ranges and conditions (RFC 9110), and nothing else.
 * No folder is listed, and what a client wrote never comes back in an answer.
 */
export function mirrorAnswers(service: MirrorService): (request: ServerRequest) => ServerAnswer {
  return (request) => {
    const answer = answerTo(request, service);
    const { method, target, remote, headers } = request;
    service.record({
      time: service.now(),
      ...{ remote, method, target, status: answer.status },
      bytes: method === "HEAD" ? 0 : lengthOf(answer.body),
      range: headers.get("range"),
      userAgent: headers.get("user-agent"),
    });
    return answer;
  };
}

function answerTo(request: ServerRequest, { tree, prefix, now }: MirrorService): ServerAnswer {
  const { method, target, headers, isOneTooMany } = request;
  if (isOneTooMany) return refusal(503, { Connection: "close", "Retry-After": "5" });
  if (method !== "GET" && method !== "HEAD") return refusal(405, { Allow: "GET, HEAD" });
  const name = servedName(target, prefix);
  if (name === undefined) return refusal(404);
  const file = tree.open(name);
  if ("refused" in file) return refusal(file.refused);

  if (isOther(headers, file)) return withoutBody(file, refusal(412));
  const common = commonHeaders(name, file);
  if (isKnown(headers, file)) return withoutBody(file, { status: 304, headers: common });
  const mayBePart = method === "GET" && mayContinue(headers, file, now());
  const part = readRange(mayBePart ? headers.get("range") : null, file.bytes);
  switch (part.kind) {
    case "outside":
      return withoutBody(file, refusal(416, { "Content-Range": `bytes */${file.bytes}` }));
    case "part": {
      const range = `bytes ${part.start}-${part.end - 1}/${file.bytes}`;
      return { status: 206, headers: { ...common, "Content-Range": range }, body: bodyOf(file, part) };
    }
    case "whole":
      return { status: 200, headers: common, body: bodyOf(file, { start: 0, end: file.bytes }) };
  }
}

function commonHeaders(name: string, { etag, modified }: ServedFile): Record<string, string> {
  return {
    "Accept-Ranges": "bytes",
    "Content-Type": typeOf(name),
    ETag: etag,
    "Last-Modified": formatDate(modified),
    "X-Content-Type-Options": "nosniff",
  };
}

function typeOf(name: string): string {
  if (name.endsWith(".json")) return "application/json";
  return /\.(sha256|sig|pub|pem|sh|txt)$/.test(name) ? "text/plain; charset=utf-8" : "application/octet-stream";
}

function bodyOf({ descriptor }: ServedFile, { start, end }: { start: number; end: number }): FilePart {
  return { descriptor, start, end };
}

function withoutBody({ descriptor }: ServedFile, answer: ServerAnswer): ServerAnswer {
  closeSync(descriptor);
  return answer;
}

const REFUSALS = {
  403: "forbidden",
  404: "not found",
  405: "method not allowed",
  412: "precondition failed",
  416: "range not satisfiable",
  503: "busy",
} as const;

function refusal(status: keyof typeof REFUSALS, headers: Record<string, string> = {}): ServerAnswer {
  return { status, headers: { ...headers, "Content-Type": "text/plain" }, body: `${REFUSALS[status]}\n` };
}

function lengthOf(body: ServerAnswer["body"]): number {
  if (body === undefined) return 0;
  return typeof body === "string" ? body.length : body.end - body.start;
}
