import type { Change } from "../platform/change.ts";
import { FILE_MODE, type Files } from "../platform/files.ts";
import type { Namespace } from "../settings/namespace.ts";
import type { UpdateConfig } from "../settings/update-config.ts";
import { formatUpdateConfig } from "../settings/update-config-write.ts";

const CONFIG_LIMIT = 1 << 20;

/** The change that writes `update.yaml`, or none when it reads the same already. An existing file keeps its mode. */
export function planConfig(files: Files, namespace: Namespace, config: UpdateConfig): Change[] {
  const content = formatUpdateConfig(config);
  const present = files.readText(namespace.config, CONFIG_LIMIT);
  if (present === content) return [];
  const mode = files.statFollowed(namespace.config)?.mode ?? FILE_MODE;
  const before = present === undefined ? null : { content: present, mode };
  return [{ kind: "file", path: namespace.config, before, after: { content, mode } }];
}
