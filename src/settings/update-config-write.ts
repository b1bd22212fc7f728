import { formatYaml, type YamlMapping } from "./go-yaml.ts";
import type { Revision } from "./revision.ts";
import type { LastUpdate, UpdateConfig, UpdateSpec } from "./update-config.ts";

/** The text of `update.yaml`, byte for byte as upstream writes it: its keys, their order and layout (updater-core §2.1). */
export function formatUpdateConfig({ version, kind, spec, status }: UpdateConfig): string {
  return formatYaml({
    version,
    kind,
    spec: specMapping(spec),
    status: {
      id_file: status.idFile || undefined,
      last_update: status.lastUpdate && lastUpdateMapping(status.lastUpdate),
      active: revisionMapping(status.active),
      backup: status.backup && revisionMapping(status.backup),
      skip: status.skip && revisionMapping(status.skip),
    },
  });
}

/** The settings as `update.yaml` and the output of `status` hold them: what is not set, no key. */
export function specMapping(spec: UpdateSpec): YamlMapping {
  return {
    proxy: spec.proxy,
    path: spec.path,
    group: spec.group || undefined,
    base_url: spec.baseUrl || undefined,
    enabled: spec.enabled,
    pinned: spec.pinned,
    selinux_ssh: spec.selinuxSsh || undefined,
    selinux_ssh_enforcing: spec.selinuxSshEnforcing || undefined,
  };
}

/** A revision as `update.yaml` and the output of `status` hold it: no flags, no key. */
export function revisionMapping({ version, flags }: Revision): YamlMapping {
  return { version, flags: flags.length === 0 ? undefined : flags };
}

/** The outcome of the last update as `update.yaml` and the output of `status` hold it. */
export function lastUpdateMapping({ success, time, target }: LastUpdate): YamlMapping {
  return { success, time, target: revisionMapping(target) };
}
