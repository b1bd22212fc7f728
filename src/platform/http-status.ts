/** What an answer says about itself before its content. */
export interface AnswerHead {
  status: number;
  headers: Headers;
}

/** What a status means that stands in place of content, and what to do; made of nothing that the server wrote. */
export interface StatusMeaning {
  /** `HTTP 429: too many requests, try again after 120 s`. */
  reason: string;
  hint: string;
  /** As for `UpdateError`: absent for what lasts. */
  retryAfterMs: number | undefined;
}

/** Explains the status of an answer that was to be 200. */
export function explainStatus({ status, headers }: AnswerHead): StatusMeaning {
  const { means, hint } = MEANINGS[status] ?? { means: ofItsClass(status), hint: LOOK };
  const later = describeRetryAfter(headers.get("retry-after"));
  const wait = later === undefined ? "" : `, try again ${later.words}`;
  return {
    reason: `HTTP ${status}: ${means}${wait}`,
    hint: later === undefined ? hint : `${hint}, ${later.words}`,
    retryAfterMs: PASSING.has(status) ? (later?.milliseconds ?? 0) : undefined,
  };
}

/** What may well be over a little later. */
const PASSING = new Set([408, 429, 500, 502, 503, 504]);

interface Meaning {
  means: string;
  hint: string;
}

const LOOK = "check the address, and whether a portal or proxy in between answers in the server's place";
const AGAIN = "this is the server's own trouble: run the command again later";
const CREDENTIALS =
  "give credentials for this place with `--netrc FILE`, `--bearer-token-file FILE` or `--client-cert FILE`, or check those that are given";

const MEANINGS: Record<number, Meaning> = {
  206: { means: "a part only, which nobody asked for", hint: LOOK },
  400: {
    means: "it refuses the request, as nginx does where a client certificate is missing or not trusted",
    hint: "if this place wants a certificate, give `--client-cert FILE --client-key FILE`; if not, check the address",
  },
  401: { means: "it asks for credentials", hint: CREDENTIALS },
  403: { means: "it is forbidden to this host", hint: "let the server, or what filters in between, allow this host" },
  404: { means: "there is no such place", hint: "check the address" },
  407: {
    means: "a proxy in between asks for credentials",
    hint: "give the proxy's user name and password: `HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT`",
  },
  429: { means: "too many requests", hint: "run the command again when the server has calmed down" },
  500: { means: "the server failed", hint: AGAIN },
  502: { means: "the server behind the gateway failed", hint: AGAIN },
  503: { means: "the server is overloaded, or down for maintenance", hint: AGAIN },
  504: { means: "the server behind the gateway did not answer", hint: AGAIN },
  511: {
    means: "the network wants somebody to sign in",
    hint: "sign in to this network, or let the host pass its portal",
  },
};

function ofItsClass(status: number): string {
  if (status >= 300 && status < 400) return "a redirect that leads nowhere";
  if (status >= 400 && status < 500) return "the request was refused";
  return status >= 500 && status < 600 ? "the server failed" : "something else than the content";
}

/** A date in the one form that servers may still write (RFC 9110 §5.6.7); undefined for any other text. */
export function parseHttpDate(value: string): Date | undefined {
  const date = HTTP_DATE.test(value) ? new Date(value) : undefined;
  return date === undefined || Number.isNaN(date.getTime()) ? undefined : date;
}

const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** When to ask again, as a server says it. */
export interface RetryAfter {
  words: string;
  milliseconds: number;
}

/** A number of seconds or a date (RFC 9110 §10.2.3), in words of ours; anything else is not told. */
export function describeRetryAfter(value: string | null): RetryAfter | undefined {
  if (value === null) return undefined;
  if (/^\d+$/.test(value)) {
    const seconds = Math.min(Number(value), MOST_SECONDS);
    return { words: `after ${seconds} s`, milliseconds: seconds * 1000 };
  }
  const date = parseHttpDate(value);
  if (date === undefined) return undefined;
  return { words: `after ${date.toISOString()}`, milliseconds: Math.max(0, date.getTime() - Date.now()) };
}

/** What stands for all that is larger (RFC 9111 §1.2.2). */
const MOST_SECONDS = 2 ** 31;
