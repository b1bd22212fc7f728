import type { ErrorCode } from "../../src/platform/errors.ts";
import { head, type Line, type Script } from "./hostile-server.ts";

/** One way in which a server can lie at an address. */
export interface Lie {
  title: string;
  /** Made for the path at which it is told. */
  script: (path: string) => Script;
  /** What the run may fail with, by the address that lies. */
  codes: Record<"find" | "checksum" | "archive", readonly ErrorCode[]>;
}

const everywhere = (...codes: ErrorCode[]) => ({ find: codes, checksum: codes, archive: codes });
const NO_CONTENT = { find: ["E_FIND"], checksum: ["E_CHECKSUM"], archive: ["E_DOWNLOAD"] } as const;
/** Something came that might have been it; which part of an archive shows first that it is not depends on timing. */
const WRONG_CONTENT = { find: ["E_FIND"], checksum: ["E_CHECKSUM"], archive: ["E_ARCHIVE", "E_CHECKSUM"] } as const;

const say =
  (...parts: string[]) =>
  () =>
  async (line: Line) => {
    for (const part of parts) await line.write(part);
  };

/** Says it, and then nothing, with the line open. */
const fallSilent = (said: string) => () => async (line: Line) => {
  await line.write(said);
  await line.untilClosed;
};

const sayForEver =
  (first: string, next: string, everyMs = 0) =>
  () =>
  async (line: Line) => {
    await line.write(first);
    while (await line.write(next)) if (everyMs > 0) await Bun.sleep(everyMs);
  };

const redirect = (to: string) => say(head(302, { Location: to, "Content-Length": 0 }));
const answerWith = (status: number, headers: Record<string, string> = {}, body = "no") =>
  say(head(status, { ...headers, "Content-Length": body.length }), body);

/** The start of a gzip file, up to where its name would stand. */
const GZIP = "\u001f\u008b\b\b\0\0\0\0\0\0";
const LARGE = "x".repeat(1 << 16);
/** Of seven bits, of eight bits, and those written in UTF-8. */
const ESCAPES = "\u001b]0;title\u0007\u001b[2J\u009b31m\u00c2\u009b31m\u00e2\u0080\u00ae\r\n\u0000";

/** By the rule of `docs/threat-model.md` that stops them. */
export const SERVER_LIES: Record<string, readonly Lie[]> = {
  stalls: [
    { title: "never answers", script: fallSilent(""), codes: everywhere("E_TIMEOUT") },
    { title: "stops in the head", script: fallSilent("HTTP/1.1 200 OK\r\nX-"), codes: everywhere("E_TIMEOUT") },
    { title: "trickles the head", script: sayForEver("HTTP/1.1 200 OK\r\nX-", "x", 5), codes: everywhere("E_TIMEOUT") },
    {
      title: "stops in the body",
      script: fallSilent(`${head(200, { "Content-Length": 64 })}${GZIP}`),
      codes: everywhere("E_TIMEOUT"),
    },
    {
      title: "trickles the body",
      script: sayForEver(`${head(200, { "Content-Length": 4000 })}${GZIP}`, " ", 5),
      codes: everywhere("E_TIMEOUT"),
    },
  ],
  "true-length": [
    { title: "cuts before the answer", script: say(""), codes: everywhere("E_NETWORK") },
    { title: "cuts in the head", script: say("HTTP/1.1 200 OK\r\nX-"), codes: everywhere("E_NETWORK") },
    {
      title: "cuts in the body",
      script: say(head(200, { "Content-Length": 64 }), GZIP),
      codes: everywhere("E_NETWORK"),
    },
    {
      title: "cuts between chunks",
      script: say(head(200, { "Transfer-Encoding": "chunked" }), `a\r\n${GZIP}\r\n`),
      codes: everywhere("E_NETWORK"),
    },
    {
      title: "sends less than announced, in chunks",
      script: say(head(200, { "Content-Length": 64, "Transfer-Encoding": "chunked" }), `a\r\n${GZIP}\r\n0\r\n\r\n`),
      codes: everywhere("E_NETWORK"),
    },
    {
      title: "announces two lengths",
      script: say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} "),
      codes: everywhere("E_NETWORK"),
    },
    {
      title: "announces a negative length",
      script: say(head(200, { "Content-Length": -1 }), "{}"),
      codes: everywhere("E_NETWORK"),
    },
    { title: "tells no length and cuts", script: say(head(200), GZIP), codes: WRONG_CONTENT },
  ],
  "answer-limits": [
    {
      title: "a head without end",
      script: sayForEver("HTTP/1.1 200 OK\r\nX-Long: ", LARGE),
      codes: everywhere("E_NETWORK"),
    },
    {
      title: "headers without end",
      script: sayForEver("HTTP/1.1 200 OK\r\n", `X-Long: ${"x".repeat(4000)}\r\n`),
      codes: everywhere("E_NETWORK"),
    },
    { title: "no HTTP", script: say("SSH-2.0-OpenSSH_9.6\r\n\r\n"), codes: everywhere("E_NETWORK") },
    {
      title: "a page",
      script: answerWith(200, { "Content-Type": "text/html" }, `<!DOCTYPE html>${LARGE}`),
      codes: WRONG_CONTENT,
    },
    {
      title: "a gigabyte, announced",
      script: sayForEver(head(200, { "Content-Length": 2 ** 31 }), LARGE),
      codes: { find: ["E_NETWORK"], checksum: ["E_CHECKSUM"], archive: ["E_DOWNLOAD"] },
    },
    {
      title: "an error page without end",
      script: sayForEver(head(500), LARGE),
      codes: { ...NO_CONTENT, find: ["E_FIND", "E_NETWORK"] },
    },
  ],
  redirects: [
    { title: "to itself", script: (path) => redirect(path)(), codes: everywhere("E_NETWORK") },
    { title: "to nowhere", script: redirect("https://["), codes: everywhere("E_NETWORK") },
  ],
  "https-only": [
    { title: "to http", script: redirect("http://127.0.0.1:1/x"), codes: everywhere("E_NETWORK") },
    { title: "to a file", script: redirect("file:///etc/passwd"), codes: everywhere("E_NETWORK") },
    { title: "to data", script: redirect("data:text/plain,x"), codes: everywhere("E_NETWORK") },
    { title: "to a store", script: redirect("s3://bucket/key"), codes: everywhere("E_NETWORK") },
  ],
  "status-means": [206, 401, 403, 404, 407, 429, 500, 503, 599].map((status) => ({
    title: `status ${status}`,
    script: answerWith(status, { "Retry-After": "120", "Content-Range": "bytes 0-1/2", "Content-Type": "text/html" }),
    codes: NO_CONTENT,
  })),
  "plain-output": [
    { title: "escapes in the body", script: answerWith(200, {}, ESCAPES), codes: WRONG_CONTENT },
    { title: "escapes in an error page", script: answerWith(503, {}, ESCAPES), codes: NO_CONTENT },
    {
      title: "escapes in the status",
      script: say(`HTTP/1.1 503 ${ESCAPES}Content-Length: 0\r\n\r\n`),
      codes: {
        find: ["E_FIND", "E_NETWORK"],
        checksum: ["E_CHECKSUM", "E_NETWORK"],
        archive: ["E_DOWNLOAD", "E_NETWORK"],
      },
    },
    {
      title: "escapes in the content type",
      script: answerWith(200, { "Content-Type": "text/\u009b31mhtml" }),
      codes: {
        find: ["E_FIND", "E_NETWORK"],
        checksum: ["E_CHECKSUM", "E_NETWORK"],
        archive: ["E_ARCHIVE", "E_CHECKSUM", "E_NETWORK"],
      },
    },
    {
      title: "escapes in Retry-After",
      script: answerWith(429, { "Retry-After": "\u009b31m1" }),
      codes: {
        find: ["E_FIND", "E_NETWORK"],
        checksum: ["E_CHECKSUM", "E_NETWORK"],
        archive: ["E_DOWNLOAD", "E_NETWORK"],
      },
    },
    {
      title: "escapes in a redirect to nowhere",
      script: redirect("gopher:\u009b31m\u00ad"),
      codes: everywhere("E_NETWORK"),
    },
  ],
};
