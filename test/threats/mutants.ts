import { ARCHIVE_MUTANTS } from "./archives.ts";
import { ENVIRONMENT_MUTANTS } from "./environment.ts";
import { FILE_MUTANTS } from "./files.ts";
import { INSTALL_MUTANTS } from "./install-script.ts";
import { MIRROR_MUTANTS } from "./mirrors.ts";
import type { Mutant } from "./mutant.ts";
import { NEIGHBOUR_MUTANTS } from "./neighbours.ts";
import { SERVER_MUTANTS } from "./servers.ts";

/** Every rule, taken out in every way that was thought of. */
export const MUTANTS: readonly Mutant[] = [
  ...ARCHIVE_MUTANTS,
  ...SERVER_MUTANTS,
  ...NEIGHBOUR_MUTANTS,
  ...ENVIRONMENT_MUTANTS,
  ...FILE_MUTANTS,
  ...MIRROR_MUTANTS,
  ...INSTALL_MUTANTS,
];
