import { version } from "../../package.json";

/** Set by `--define` when the executable is built; absent when the sources run directly. */
declare const BUILD_VERSION: string | undefined;
declare const BUILD_COMMIT: string | undefined;

/** The version of this program, without a leading `v`. */
export const PROGRAM_VERSION = typeof BUILD_VERSION === "string" ? BUILD_VERSION : version;

/** The commit that it was built from, or `unknown`. */
export const PROGRAM_BUILD = typeof BUILD_COMMIT === "string" ? BUILD_COMMIT : "unknown";

/** Where the running executable lies; undefined when the sources run directly, so that no Bun is taken for the updater. */
export const PROGRAM_PATH = typeof BUILD_VERSION === "string" ? process.execPath : undefined;
