import { join } from "node:path";
import { EXAMPLE_UNIT } from "../host/example-unit.ts";
import type { Files } from "../platform/files.ts";

/**
 * What root runs of a version or of the package in `directory`, and makes a unit of: whoever may change one of these, or the
 * way to it, is root.
 */
export function programPlaces(files: Files, directory: string): string[] {
  const bin = join(directory, "bin");
  const programs = (files.list(bin) ?? []).map((name) => join(bin, name));
  return [directory, bin, ...programs, join(directory, EXAMPLE_UNIT)];
}
