import { resolve } from "node:path";
import { ARCHITECTURES, EDITIONS } from "../mirror/archive-names.ts";
import { type BuildReport, buildMirror } from "../mirror/build.ts";
import { folderOrigin, httpOrigin, type Origin } from "../mirror/origins.ts";
import { readSiteKey } from "../mirror/site-key.ts";
import { parseVersionWish } from "../mirror/versions.ts";
import { isUpdateError, UpdateError } from "../platform/errors.ts";
import type { World } from "../platform/world.ts";
import { goArchitecture } from "../release/address.ts";
import { checkBaseUrl } from "../settings/base-url.ts";
import { CLEAR } from "../settings/clear-word.ts";
import { checkCredentials, readCredentials } from "../settings/credentials.ts";
import type { UpdaterOptions } from "../settings/options.ts";
import { openWorld, readNamespace } from "./context.ts";
import { quoted, usageError } from "./flag-words.ts";
import { pathOfPlace } from "./local-place.ts";
import type { MIRROR_BUILD_FLAGS } from "./mirror-flags.ts";
import { readMirrorKeys } from "./mirror-keys.ts";
import { writeOutput } from "./output.ts";
import type { CommandInput } from "./program.ts";
import { setRequiredUmask } from "./root-rights.ts";

type Values = CommandInput<typeof MIRROR_BUILD_FLAGS>["values"];

const MOST_JOBS = 16;
const MOST_KEPT = 1000;

/** `mirror build`: brings releases into a tree of plain files. 0 only when all that was wanted is there. */
export async function run(input: CommandInput<typeof MIRROR_BUILD_FLAGS>): Promise<number> {
  const { values } = input;
  // A web server reads what is made here.
  setRequiredUmask(input.log);
  const caFile = values["ca-file"] === "" ? CLEAR : resolve(values["ca-file"]);
  const world = openWorld(input, { namespace: readNamespace(input), caFile });
  const credentials = credentialsOf(values);
  checkCredentials(world.localFiles, credentials, []);
  const originAt = (place: string) => originOf(world, place, credentials);
  const report = await buildMirror(world, {
    directory: resolve(values.to),
    versions: values.version.map(parseVersionWish),
    cluster: values.proxy === "" ? undefined : { proxy: values.proxy, group: values.group, insecure: values.insecure },
    editions: values.edition.map((word) => EDITIONS[oneOf("edition", Object.keys(EDITIONS) as Edition[], word)]),
    architectures:
      values.arch.length === 0
        ? [goArchitecture(process.arch)]
        : values.arch.map((word) => oneOf("arch", ARCHITECTURES, word)),
    origins: values.from.map(originAt),
    installer: values.installer === "" ? undefined : originAt(values.installer),
    digest: digest(values.digest),
    demands: {
      keys: await readMirrorKeys(world.localFiles, values["trusted-key"]),
      skipSignature: values["insecure-skip-signature"],
    },
    signer: values.sign === "" ? undefined : await readSiteKey(world.localFiles, resolve(values.sign)),
    replaceSignatures: values["replace-signatures"],
    jobs: count("jobs", values.jobs, MOST_JOBS),
    keep: values.keep === "" ? undefined : count("keep", values.keep, MOST_KEPT),
  });
  writeOutput(`${summary(report)}\n`);
  if (report.failed.length === 0) return 0;
  throw incomplete(report, values.to);
}

type Edition = keyof typeof EDITIONS;

function credentialsOf(values: Values): UpdaterOptions {
  const file = (path: string) => (path === "" ? undefined : resolve(path));
  return {
    netrcFile: file(values.netrc),
    bearerTokenFile: file(values["bearer-token-file"]),
    clientCertificate: file(values["client-cert"]),
    clientKey: file(values["client-key"]),
  };
}

function originOf(world: World, place: string, credentials: UpdaterOptions): Origin {
  const isRemote = /^(?!file:)[a-z][a-z0-9+.-]*:\/\//i.test(place);
  if (!isRemote) return folderOrigin(world.localFiles, pathOfPlace(place));
  checkPlace(place);
  return httpOrigin(world, place, readCredentials(world.localFiles, credentials, place));
}

function checkPlace(url: string): void {
  try {
    checkBaseUrl(url, "given");
  } catch (error) {
    if (!isUpdateError(error)) throw error;
    const hint =
      "name a place like `https://mirror.example.com/teleport`, or a folder: `/media/stick`; credentials belong into a file that `--netrc FILE` or `--bearer-token-file FILE` names";
    throw new UpdateError(error.code, error.message, { hint, cause: error });
  }
}

function summary({ fetched, present, failed, resigned, pruned, bytes }: BuildReport): string {
  const missing = failed.filter(({ isThere }) => !isThere);
  const parts = [
    `${fetched.length} files fetched (${Math.ceil(bytes / 1e6)} MB)`,
    `${present.length} there already`,
    ...(missing.length === 0 ? [] : [`${missing.length} missing`]),
    ...(missing.length === failed.length ? [] : [`${failed.length - missing.length} there, and refused`]),
    ...(resigned.length === 0 ? [] : [`${resigned.length} signatures replaced`]),
    ...(pruned.length === 0 ? [] : [`${pruned.length} files removed`]),
  ];
  return parts.join(", ");
}

function incomplete({ failed, fetched, present }: BuildReport, directory: string): UpdateError {
  const wanted = failed.length + fetched.length + present.length;
  const told = [
    [failed.filter(({ isThere }) => !isThere), `are not in \`${directory}\``],
    [failed.filter(({ isThere }) => isThere), `are there, and were refused as they are`],
  ] as const;
  const parts = told.flatMap(([files, what]) =>
    files.length === 0
      ? []
      : [`${files.length} of ${wanted} files ${what}: ${files.map(({ name }) => `\`${name}\``).join(", ")}`],
  );
  const first = failed[0]?.error;
  return new UpdateError("E_MIRROR", parts.join("; "), {
    hint: `each has its own line in the log; the first: ${first?.message ?? ""}`,
    cause: first,
  });
}

function oneOf<const T extends string>(flag: string, known: readonly T[], word: string): T {
  const found = known.find((one) => one === word);
  if (found !== undefined) return found;
  throw usageError(
    `flag \`--${flag}\` must be one of ${known.map((one) => `\`${one}\``).join(", ")}, not ${quoted(word)}`,
  );
}

function count(flag: string, given: string, most: number): number {
  if (/^[1-9]\d{0,3}$/.test(given) && Number(given) <= most) return Number(given);
  throw usageError(`flag \`--${flag}\` must be a number from 1 to ${most}, not ${quoted(given)}`);
}

function digest(given: string): string {
  if (given === "" || /^[0-9a-f]{64}$/i.test(given)) return given.toLowerCase();
  throw usageError(`flag \`--digest\` must be a SHA-256 of 64 hex digits, not ${quoted(given)}`);
}
