import { linksInto } from "../host/linked.ts";
import { shellWord } from "../platform/quote.ts";
import type { World } from "../platform/world.ts";

/**
 * Whether a link in one of the `folders` leads into `place`, which must then stay: whoever placed the link, it would lead
 * nowhere. Says so, once for all of the links, with the command that ends it; `what` begins the line.
 */
export function isKeptByLinks(
  { files, log }: Pick<World, "files" | "log">,
  place: string,
  folders: readonly string[],
  what: string,
): boolean {
  const links = linksInto(files, folders, place);
  const [link] = links;
  if (link === undefined) return false;
  log.warn(`${what} is kept: it is still linked.`, {
    path: place,
    link,
    command: removalCommand(links),
  });
  return true;
}

/** What an operator types to be rid of `links`. */
export function removalCommand(links: readonly string[]): string {
  return `rm ${links.map(shellWord).join(" ")}`;
}
