import { UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import { quote } from "../platform/quote.ts";
import { enrollCommand } from "./enroll-command.ts";
import type { Namespace } from "./namespace.ts";
import { NO_REVISION, type Revision, revision } from "./revision.ts";
import { readSettingsText } from "./settings-file.ts";
import {
  emptyConfig,
  type LastUpdate,
  UPDATE_CONFIG_KIND,
  UPDATE_CONFIG_VERSION,
  type UpdateConfig,
  type UpdateSpec,
  type UpdateStatus,
} from "./update-config.ts";
import { type MappingReader, readMapping } from "./yaml-mapping.ts";

/**
 * Reads `update.yaml`; a missing file is the empty configuration (updater-core §2.2). Unknown keys are ignored. Fails
 * with `E_CONFIG_READ`, naming the line, on anything that the other implementation might read in another way.
 */
export function readUpdateConfig(files: Files, namespace: Namespace): UpdateConfig {
  const text = readSettingsText(files, namespace.config, "E_CONFIG_READ");
  return text === undefined
    ? emptyConfig()
    : parseUpdateConfig(text, files.real(namespace.config), enrollCommand(namespace));
}

/** As `readUpdateConfig`, from the text of the file at `path`, which `command` makes anew. */
export function parseUpdateConfig(text: string, path: string, command = enrollCommand({ suffix: "" })): UpdateConfig {
  const hint = `mend \`${path}\`, or move it away and run \`${command}\` again, with the \`--group\`, \`--base-url\` and \`--path\` that it had`;
  if (text.trim() === "") throw new UpdateError("E_CONFIG_READ", `\`${path}\` is empty`, { hint });
  const top = readMapping(
    text,
    (reason, line) => new UpdateError("E_CONFIG_READ", `line ${line} of \`${path}\` ${reason}`, { hint }),
  );
  const config = {
    version: top.text("version") ?? "",
    kind: top.text("kind") ?? "",
    spec: readSpec(top.mapping("spec")),
    status: readStatus(top.mapping("status")),
  };
  // The kind first: of another kind of file, the version says nothing.
  const invalid = invalidKey(config);
  if (invalid === undefined) return config;
  throw new UpdateError("E_CONFIG_READ", `invalid ${invalid} in \`${path}\``, { hint });
}

function invalidKey({ kind, version }: UpdateConfig): string | undefined {
  if (kind !== UPDATE_CONFIG_KIND) return `kind ${quote(kind)}`;
  return version === UPDATE_CONFIG_VERSION ? undefined : `version ${quote(version)}`;
}

function readSpec(spec: MappingReader | undefined): UpdateSpec {
  return {
    proxy: spec?.text("proxy") ?? "",
    path: spec?.text("path") ?? "",
    group: spec?.text("group") ?? "",
    baseUrl: spec?.text("base_url") ?? "",
    enabled: spec?.boolean("enabled") ?? false,
    pinned: spec?.boolean("pinned") ?? false,
    selinuxSsh: spec?.boolean("selinux_ssh") ?? false,
    selinuxSshEnforcing: spec?.boolean("selinux_ssh_enforcing") ?? false,
  };
}

function readStatus(status: MappingReader | undefined): UpdateStatus {
  const lastUpdate = readLastUpdate(status?.mapping("last_update"));
  const backup = readRevision(status?.mapping("backup"));
  const skip = readRevision(status?.mapping("skip"));
  return {
    idFile: status?.text("id_file") ?? "",
    ...(lastUpdate && { lastUpdate }),
    active: readRevision(status?.mapping("active")) ?? NO_REVISION,
    ...(backup && { backup }),
    ...(skip && { skip }),
  };
}

function readLastUpdate(lastUpdate: MappingReader | undefined): LastUpdate | undefined {
  if (lastUpdate === undefined) return undefined;
  return {
    success: lastUpdate.boolean("success") ?? false,
    time: lastUpdate.timestamp("time") ?? new Date(ZERO_TIME),
    target: readRevision(lastUpdate.mapping("target")) ?? NO_REVISION,
  };
}

/** What upstream writes for a time that was never set. */
const ZERO_TIME = "0001-01-01T00:00:00Z";

/** Flags that this release does not know are dropped, as upstream does. */
function readRevision(written: MappingReader | undefined): Revision | undefined {
  return written && revision(written.text("version") ?? "", written.names("flags"));
}
