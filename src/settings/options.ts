import type { Document } from "yaml";
import { UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import { quote } from "../platform/quote.ts";
import type { Namespace } from "./namespace.ts";
import { readSettingsText } from "./settings-file.ts";
import { parseStrictYaml } from "./strict-yaml.ts";

/**
 * What this updater keeps beyond upstream's `update.yaml`, in `updater.yaml` beside it. The file survives every release
 * of ours: keys that one release does not know stay as they are, and a change that an older one must not miss gets
 * another `version`, which the older one refuses.
 */
export interface UpdaterOptions {
  /** Another PEM file of authorities to trust; an absolute path. */
  caFile?: string | undefined;
}

const KIND = "updater_options";
const VERSION = "v1";
const CA_FILE = "ca_file";

/** Reads the options of a namespace; none when there is no file. Fails with `E_OPTIONS_READ`. */
export function readOptions(files: Files, namespace: Namespace): UpdaterOptions {
  const path = namespace.options;
  const text = readOptionsText(files, namespace);
  if (text === undefined) return {};
  const document = parseOptions(text, path);
  const caFile = document.get(CA_FILE);
  if (caFile === undefined) return {};
  if (isCaFile(caFile)) return { caFile };
  throw optionsError(path, `has a \`${CA_FILE}\` that is not an absolute path`);
}

/** The text of the options file, for the change that replaces it; undefined when there is none. */
export function readOptionsText(files: Files, namespace: Namespace): string | undefined {
  return readSettingsText(files, namespace.options, "E_OPTIONS_READ");
}

/**
 * The text of the options file at `path` with these options, and everything else as `previous` has it. Undefined when
 * there is nothing to write: no file and no options. Fails with `E_OPTIONS_READ` when `previous` is not ours to rewrite.
 */
export function formatOptions(
  previous: string | undefined,
  { caFile }: UpdaterOptions,
  path: string,
): string | undefined {
  if (previous === undefined && caFile === undefined) return undefined;
  const text = previous ?? `version: ${VERSION}\nkind: ${KIND}\n`;
  const document = parseOptions(text, path);
  if (document.get(CA_FILE) === caFile) return text;
  if (caFile === undefined) document.delete(CA_FILE);
  else document.set(CA_FILE, caFile);
  return document.toString({ lineWidth: 0 });
}

function parseOptions(text: string, path: string): Document {
  if (text.trim() === "") throw optionsError(path, "is empty");
  const { document } = parseStrictYaml(text, (reason, line) => optionsError(path, `${reason} (line ${line})`));
  const [kind, version] = [document.get("kind"), document.get("version")];
  if (kind !== KIND) throw optionsError(path, `is of the kind ${quote(String(kind))}, not \`${KIND}\``);
  if (version === VERSION) return document;
  throw new UpdateError("E_OPTIONS_READ", `\`${path}\` has the version ${quote(String(version))}, not \`${VERSION}\``, {
    hint: "a newer release of this updater wrote it: use that release, or move the file away and give its options again",
  });
}

function isCaFile(value: unknown): value is string {
  return typeof value === "string" && value.startsWith("/");
}

function optionsError(path: string, problem: string): UpdateError {
  return new UpdateError("E_OPTIONS_READ", `\`${path}\` ${problem}`, {
    hint: `mend \`${path}\`, or move it away and give its options again, like \`--ca-file\``,
  });
}
