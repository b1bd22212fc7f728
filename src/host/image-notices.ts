import type { Files } from "../platform/files.ts";
import { shellWord } from "../platform/quote.ts";
import type { Namespace } from "../settings/namespace.ts";
import { enablingLinks } from "./enablement.ts";
import { type Notice, warn } from "./notices.ts";

/** What is left to do about a tree behind `--root`, whose services nobody starts now. */
export function imageNotices(
  files: Files,
  namespace: Namespace,
  { dataDirectory, manageTbot }: { dataDirectory: string; manageTbot: boolean },
): Notice[] {
  return [...startNotices(files, namespace, manageTbot), ...identityNotices(files, namespace, dataDirectory)];
}

/** The updater's timer starts with the agent or the bot; without either, the first boot does nothing. */
function startNotices(files: Files, { teleport, tbot }: Namespace, manageTbot: boolean): Notice[] {
  if ([teleport.unit, tbot.unit].some((unit) => enablingLinks(files, unit).length > 0)) return [];
  const systemctl = `systemctl --root=${shellWord(files.root)}`;
  return [
    warn("Nothing starts Teleport when this image boots, and so nothing updates it.", {
      command: `${systemctl} enable ${teleport.unit}`,
      ...(manageTbot && { or: `${systemctl} enable ${tbot.unit}` }),
    }),
  ];
}

/** What tells one host from another must be made by each; copies of one image would pass for one host. */
function identityNotices(files: Files, namespace: Namespace, dataDirectory: string): Notice[] {
  const found = [MACHINE_ID, `${dataDirectory}/host_uuid`, namespace.idFile("/tmp")].filter((path) => {
    const stat = files.statFollowed(path);
    return stat?.kind === "file" && stat.size > 0 && !isUninitialized(files, path);
  });
  return found.map((path) =>
    warn("The tree has the identity of one host: if it becomes an image, all its hosts would share it.", {
      path,
      command: `${path === MACHINE_ID ? "truncate -s 0" : "rm"} ${shellWord(files.realFollowed(path))}`,
    }),
  );
}

const MACHINE_ID = "/etc/machine-id";

/** The word by which systemd asks for a first boot (machine-id(5)). */
function isUninitialized(files: Files, path: string): boolean {
  return path === MACHINE_ID && files.readPlantable(path, 4096, "mark")?.trim() === "uninitialized";
}
