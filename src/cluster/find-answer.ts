import { REQUIRED_FLAGS } from "#variant/variant";
import { UpdateError } from "../platform/errors.ts";
import { explainStatus } from "../platform/http-status.ts";
import { quote } from "../platform/quote.ts";
import { parseVersion, REVISION_FLAGS, type Revision, type RevisionFlag, revision } from "../settings/revision.ts";

/** What the cluster wants of this host. */
export interface FindAnswer {
  /** The empty revision when the cluster advertises no version. */
  target: Revision;
  /** The flags of the cluster's edition, also where no version comes with them: a forced version is of that edition. */
  flags: readonly RevisionFlag[];
  /** Whether the host should update now. */
  inWindow: boolean;
  /** The longest random delay before an update, in whole seconds; at most `MAX_JITTER_SECONDS`. */
  jitterSeconds: number;
  /** The cluster runs an edition that has no default CDN (updater-core §5.2). */
  agpl: boolean;
  /** Digests of archives by their file names, lower-case hex: an extension of ours, empty when the cluster sends none. */
  digests: ReadonlyMap<string, string>;
}

/** What came from the proxy, and whom to name when it is no use. */
export interface Received {
  status: number;
  headers: Headers;
  text: string;
  /** The authority that was asked. */
  proxy: string;
}

/** Hears what an answer says of the cluster's edition that an operator should know. */
export interface EditionNotices {
  /** Nobody knows the edition, so it counts as AGPL. */
  unknown?(edition: string): void;
  /** This program asks for releases of another edition than the cluster's: those with `flags`. */
  replaced?(edition: string, flags: readonly RevisionFlag[]): void;
}

/** An answer may delay an update, but not hold it up for ever. */
export const MAX_JITTER_SECONDS = 30 * 60;

/**
 * Reads an answer to `find`: the keys and defaults of updater-core §5.1, each of its type or `null`; other keys are
 * ignored. The FIPS variant follows the version of any cluster, in the FIPS edition. Fails with `E_FIND` for anything else
 * than 200 with such an object, and with `E_VERSION` for a version that is none.
 */
export function parseFindAnswer(received: Received, notices: EditionNotices = {}): FindAnswer {
  const body = readObject(received);
  const take: Take = (object, key, is, otherwise) => {
    const value = object[key] ?? otherwise;
    if (is(value)) return value;
    throw findError(received, `answered with a wrong value of \`${key}\``);
  };
  const update = take(body, "auto_update", isObject, {});
  const version = take(update, "agent_version", isString, "");
  const jitterSeconds = take(update, "agent_update_jitter_seconds", isWholeNumber, 0);
  const inWindow = take(update, "agent_auto_update", isBoolean, false);
  const digests = take(update, "agent_digests", isDigestTable, {});
  const name = take(body, "edition", isString, "");
  const isFips = take(body, "fips", isBoolean, false);

  const edition = EDITIONS.get(name) ?? { isEnterprise: false, agpl: true };
  if (!EDITIONS.has(name)) notices.unknown?.(name);
  const wanted = { Enterprise: edition.isEnterprise, FIPS: isFips };
  const flags = REVISION_FLAGS.filter((flag) => wanted[flag] || REQUIRED_FLAGS.includes(flag));
  if (flags.some((flag) => !wanted[flag])) notices.replaced?.(name, flags);
  return {
    target: revision(
      version === ""
        ? ""
        : parseVersion(version, `the version that \`${received.proxy}\` advertises`, remedyFor(received)),
      flags,
    ),
    flags,
    inWindow,
    jitterSeconds: Math.min(jitterSeconds, MAX_JITTER_SECONDS),
    agpl: edition.agpl,
    digests: new Map(Object.entries(digests).map(([name, digest]) => [name, digest.toLowerCase()])),
  };
}

const EDITIONS = new Map([
  ["ent", { isEnterprise: true, agpl: false }],
  ["community", { isEnterprise: false, agpl: false }],
  ["oss", { isEnterprise: false, agpl: true }],
]);

type JsonObject = Record<string, unknown>;

/** A value of the type that `is` claims; what is missing or `null` is the default, as Go's decoder has it. */
/** The version is the cluster's, so nothing on this host can mend it. */
function remedyFor({ proxy }: Received): string {
  return `see what it answers, \`curl -s https://${proxy}/webapi/find\`, and mend the version on the cluster: \`tctl edit autoupdate_version\``;
}

type Take = <T>(object: JsonObject, key: string, is: (value: unknown) => value is T, otherwise: T) => T;

function readObject(received: Received): JsonObject {
  if (received.status !== 200) {
    const { reason, hint, retryAfterMs } = explainStatus(received);
    const remedy = received.status === 404 ? undefined : hint;
    throw findError(received, `answered ${reason},`, { hint: remedy, retryAfterMs });
  }
  const body = parseJson(received.text);
  if (isObject(body)) return body;
  const isPage =
    /html/i.test(received.headers.get("content-type") ?? "") || /^\s*<(!doctype|html)/i.test(received.text);
  throw findError(received, `answered with ${isPage ? "a web page" : "something else than a JSON object"}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isString = (value: unknown): value is string => typeof value === "string";
const isBoolean = (value: unknown): value is boolean => typeof value === "boolean";
const isDigestTable = (value: unknown): value is Record<string, string> =>
  isObject(value) &&
  Object.values(value).every((digest) => typeof digest === "string" && /^[0-9a-f]{64}$/i.test(digest));
const isWholeNumber = (value: unknown): value is number => Number.isInteger(value) && Number(value) >= 0;

function findError(
  { proxy, text }: Received,
  what: string,
  { hint, retryAfterMs }: { hint?: string | undefined; retryAfterMs?: number | undefined } = {},
): UpdateError {
  const sent = text.trim() === "" ? "" : `: ${quote(text.trim())}`;
  return new UpdateError("E_FIND", `\`${proxy}\` ${what} when asked for the agent version${sent}`, {
    hint: hint ?? `check that this is the address of a Teleport proxy: \`curl -s https://${proxy}/webapi/find\``,
    retryAfterMs,
  });
}
