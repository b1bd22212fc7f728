import { type Document, isCollection, isMap } from "yaml";
import { isUpdateError, UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import { nearest } from "../platform/nearest.ts";
import { isTrustedOwner } from "../platform/ownership.ts";
import { quote, shellWord } from "../platform/quote.ts";
import { CLEAR } from "./clear-word.ts";
import type { YamlMapping } from "./go-yaml.ts";
import type { Namespace } from "./namespace.ts";
import { OPTION_KINDS, type OptionValues } from "./option-kinds.ts";
import { readSettingsText } from "./settings-file.ts";
import { parseStrictYaml } from "./strict-yaml.ts";

/** Every option, by its key in the file and the kind of its value. */
const OPTIONS = {
  /** Another PEM file of authorities to trust. */
  caFile: { key: "ca_file", kind: "path" },
  /** Base URLs to turn to when the one in `update.yaml` fails, in order. */
  mirrors: { key: "mirrors", kind: "urls" },
  /** PEM files of public keys; with one of them a release needs a signature. */
  trustedKeys: { key: "trusted_keys", kind: "paths" },
  /** A release is taken without the signature that the keys ask for. */
  skipSignature: { key: "insecure_skip_signature", kind: "switch" },
  /** No version below this is installed. */
  minVersion: { key: "min_version", kind: "version" },
  /** No version above this is installed; `18` stands for all of 18. */
  maxVersion: { key: "max_version", kind: "version" },
  /** No release younger than this is installed. */
  minAge: { key: "min_age", kind: "duration" },
  /** No version below the active one is installed. */
  noDowngrade: { key: "no_downgrade", kind: "switch" },
  /** Credentials for the base URLs, as files: netrc, one token, or a certificate and its key in PEM form. */
  netrcFile: { key: "netrc_file", kind: "path" },
  bearerTokenFile: { key: "bearer_token_file", kind: "path" },
  clientCertificate: { key: "client_cert_file", kind: "path" },
  clientKey: { key: "client_key_file", kind: "path" },
} as const satisfies Record<string, { key: string; kind: keyof OptionValues }>;

type OptionName = keyof typeof OPTIONS;
const OPTION_NAMES = Object.keys(OPTIONS) as OptionName[];

/**
 * What this updater keeps beyond upstream's `update.yaml`, in `updater.yaml` beside it. The file survives every release
 * of ours: keys that one release does not know stay as they are, and a change that an older one must not miss gets
 * another `version`, which the older one refuses. What is not set is absent; an empty list never occurs.
 */
export type UpdaterOptions = { [Name in OptionName]?: OptionValues[(typeof OPTIONS)[Name]["kind"]] | undefined };

/** What flags say about options; `default` clears one, and what is absent stays as it is kept. */
export type GivenOptions = { [Name in OptionName]?: UpdaterOptions[Name] | typeof CLEAR };

const LONGEST_KEY = 80;
const [KIND_KEY, VERSION_KEY] = ["kind", "version"];
const KIND = "updater_options";
const VERSION = "v1";

/** Options with what is given laid over them. */
export function mergeOptions(kept: UpdaterOptions, given: GivenOptions): UpdaterOptions {
  const named = Object.entries(given).filter(([, value]) => value !== undefined);
  const changes = named.map(([name, value]) => [name, value === CLEAR ? undefined : value]);
  return { ...kept, ...Object.fromEntries(changes) };
}

/** Options as a mapping with the keys of the file, in the order of the table; what is not set is left out. */
export function optionsMapping(options: UpdaterOptions): YamlMapping {
  return Object.fromEntries(OPTION_NAMES.map((name) => [OPTIONS[name].key, options[name]]));
}

/** Every path that the options name. */
export function pathsIn(options: GivenOptions): string[] {
  const paths: string[] = [];
  mapPaths(options, (path) => {
    paths.push(path);
    return path;
  });
  return paths;
}

/** Options with every path turned into another by `turn`; a path that turns into nothing is left out, and so is a list of them. */
export function mapPaths<Options extends GivenOptions>(
  options: Options,
  turn: (path: string) => string | undefined,
): Options {
  const turned: Record<string, string | readonly string[] | undefined> = {};
  for (const name of OPTION_NAMES) {
    const { kind } = OPTIONS[name];
    const value = options[name];
    if (kind === "path" && typeof value === "string" && value !== CLEAR) turned[name] = turn(value);
    if (kind === "paths" && typeof value === "object")
      turned[name] = unlessEmpty(value.flatMap((path) => turn(path) ?? []));
  }
  return { ...options, ...turned };
}

function unlessEmpty(paths: readonly string[]): readonly string[] | undefined {
  return paths.length === 0 ? undefined : paths;
}

/** Reads the options of a namespace; none when there is no file. Fails with `E_OPTIONS_READ`. */
export function readOptions(files: Files, namespace: Namespace): UpdaterOptions {
  const text = readOptionsText(files, namespace);
  const path = files.real(namespace.options);
  return text === undefined ? {} : valuesOf(parseOptions(text, path), path);
}

/** A key of the options file that this release does not know, and the option that was most likely meant. */
export interface UnknownOption {
  key: string;
  meant: string | undefined;
}

/** The keys that count for nothing: mistyped by hand, or of a newer release. Fails with `E_OPTIONS_READ`. */
export function unknownOptions(files: Files, namespace: Namespace): UnknownOption[] {
  const text = readOptionsText(files, namespace);
  const root = text === undefined ? undefined : parseOptions(text, files.real(namespace.options)).contents;
  if (!isMap(root)) return [];
  const known = OPTION_NAMES.map((name) => OPTIONS[name].key);
  return root.items
    .map((pair) => String(pair.key))
    .filter((key) => ![KIND_KEY, VERSION_KEY, ...known].includes(key))
    .map((key) => ({ key, meant: nearest(key.slice(0, LONGEST_KEY).toLowerCase(), known) }));
}

/** The text of the options file, for the change that replaces it; undefined when there is none. */
export function readOptionsText(files: Files, namespace: Namespace): string | undefined {
  try {
    return readSettingsText(files, namespace.options, "E_OPTIONS_READ", "readOwn");
  } catch (error) {
    if (!isUpdateError(error) || !isUpdateError(error.cause, "E_UNREADABLE_FILE")) throw error;
    const hint = `${error.hint}, and give its options again, like \`--trusted-key\`${orTakeOver(files, namespace)}`;
    throw new UpdateError("E_OPTIONS_READ", error.message, { cause: error.cause, hint });
  }
}

/** Without its limits and keys a host is worse off than with a file that only has the wrong mode. */
function orTakeOver(files: Files, { options }: Namespace): string {
  const stat = files.stat(options);
  const isOpen = stat !== undefined && (!isTrustedOwner(stat.owner) || (stat.mode & 0o022) !== 0);
  if (stat?.kind !== "file" || !isOpen) return "";
  const path = shellWord(files.real(options));
  return `; or, when you know every line of it, run \`chown root:root ${path} && chmod go-w ${path}\``;
}

/**
 * The text of the options file at `path` with these options, and everything else as `previous` has it. Undefined when
 * there is nothing to write: no file and no options. Fails with `E_OPTIONS_READ` when `previous` is not ours to rewrite.
 */
export function formatOptions(previous: string | undefined, options: UpdaterOptions, path: string): string | undefined {
  if (previous === undefined && OPTION_NAMES.every((name) => options[name] === undefined)) return undefined;
  const text = previous ?? `version: ${VERSION}\nkind: ${KIND}\n`;
  const document = parseOptions(text, path);
  const before = valuesOf(document, path);
  const changed = OPTION_NAMES.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(options[name]));
  if (changed.length === 0) return text;
  for (const name of changed) {
    const { key } = OPTIONS[name];
    const value = options[name];
    if (value === undefined) document.delete(key);
    else document.set(key, document.createNode(typeof value === "boolean" ? String(value) : value));
  }
  return document.toString({ lineWidth: 0 });
}

function valuesOf(document: Document, path: string): UpdaterOptions {
  const options: Record<string, unknown> = {};
  for (const name of OPTION_NAMES) {
    const { key, kind } = OPTIONS[name];
    const node = document.get(key);
    if (node === undefined) continue;
    const written: unknown = isCollection(node) ? node.toJS(document) : node;
    const value = OPTION_KINDS[kind].parse(written);
    if (value === undefined) throw optionsError(path, `has a \`${key}\` that is not ${OPTION_KINDS[kind].what}`);
    options[name] = value;
  }
  return options as UpdaterOptions;
}

function parseOptions(text: string, path: string): Document {
  if (text.trim() === "") throw optionsError(path, "is empty");
  const { document } = parseStrictYaml(text, (reason, line) => optionsError(path, `${reason} (line ${line})`));
  const [kind, version] = [document.get(KIND_KEY), document.get(VERSION_KEY)];
  if (kind !== KIND) throw optionsError(path, `is of the kind ${quote(String(kind))}, not \`${KIND}\``);
  if (version === VERSION) return document;
  throw new UpdateError("E_OPTIONS_READ", `\`${path}\` has the version ${quote(String(version))}, not \`${VERSION}\``, {
    hint: "a newer release of this updater wrote it: use that release, or move the file away and give its options again",
  });
}

function optionsError(path: string, problem: string): UpdateError {
  return new UpdateError("E_OPTIONS_READ", `\`${path}\` ${problem}`, {
    hint: `mend \`${path}\`, or move it away and give its options again, like \`--ca-file\``,
  });
}
