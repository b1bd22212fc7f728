import type { Change } from "../platform/change.ts";
import { UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import { shellWord } from "../platform/quote.ts";
import { directoryChanges } from "./file-changes.ts";
import { filePresent, isPlaced, type LinkRequest, wantedLinks } from "./links.ts";

/**
 * Links what is missing and disturbs nothing (installer-systemd §2.4): any link that leads elsewhere is
 * `E_STILL_LINKED`, anything else in the way `E_FILE_PRESENT`, and then no change is planned at all.
 */
export function planTryLinks(files: Files, request: Pick<LinkRequest, "source" | "names" | "linkDirectory">): Change[] {
  const missing = wantedLinks({ ...request, updaterTarget: undefined }).filter((link) => !isPlaced(files, link));
  for (const { path } of missing) {
    const kind = files.stat(path)?.kind;
    if (kind === "symlink") throw linkedElsewhere(files, path);
    if (kind !== undefined) throw filePresent([path]);
  }
  return [
    ...directoryChanges(files, request.linkDirectory),
    ...missing.map(({ path, target }): Change => ({ kind: "link", path, before: null, after: target })),
  ];
}

function linkedElsewhere(files: Files, path: string): UpdateError {
  const target = files.readLink(path) ?? "";
  return new UpdateError("E_STILL_LINKED", `refusing to replace the link \`${path}\`: it leads to \`${target}\``, {
    hint: `remove the installation that it belongs to with \`teleport-update uninstall\`, or the link: \`rm ${shellWord(files.real(path))}\``,
  });
}
