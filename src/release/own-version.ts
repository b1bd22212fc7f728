import { join } from "node:path";
import { UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import { quote } from "../platform/quote.ts";

const VERSION_FILE = "share/VERSION";
const VERSION_LIMIT = 4096;
/** Those that speak of the release itself; what else comes along may have versions of its own. */
const SPEAKERS: readonly string[] = ["teleport", "tbot"];

/**
 * A digest and a signature are of the bytes of an archive, and of no name: an old release, signed long ago, is as true
 * under the name of a new one. So the release in `directory` is asked what it is itself. Only the three numbers count, as
 * builds differ in the rest, and a text that holds none says nothing. Fails with `E_OTHER_VERSION`.
 */
export function checkOwnVersion(files: Files, directory: string, version: string): void {
  const text = files.readText(join(directory, VERSION_FILE), VERSION_LIMIT, "mark");
  if (text !== undefined) compare(`its \`VERSION\` file says ${quote(text.trim(), 40)}`, text.trim(), version);
}

/** As `checkOwnVersion`, for what the program of this name printed when it was asked for its version. */
export function checkPrintedVersion(program: string, text: string, version: string): void {
  const printed = /^Teleport (?:\w+ )?(v\d\S*)/m.exec(text)?.[1];
  if (printed === undefined || !SPEAKERS.includes(program)) return;
  compare(`its \`${program}\` says that it is ${quote(printed, 40)}`, printed, version);
}

function compare(what: string, text: string, version: string): void {
  const [found, wanted] = [text, version].map((one) => /^v?(\d+\.\d+\.\d+)(?!\d|\.\d)/.exec(one)?.[1]);
  if (found === undefined || found === wanted) return;
  throw new UpdateError("E_OTHER_VERSION", `the release is not ${version}: ${what}`, {
    hint: "somebody put another release in its place, perhaps an old one with known holes: check the mirror, and install nothing of it by hand",
  });
}
