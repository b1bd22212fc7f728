import { version } from "../../package.json";
import type { HealthTiming } from "./world.ts";

/** Set by `--define` when the executable is built; absent when the sources run directly. */
declare const BUILD_VERSION: string | undefined;
declare const BUILD_COMMIT: string | undefined;
declare const BUILD_ID: string | undefined;
declare const BUILD_TRUSTED_KEYS: string | undefined;
/** Set in builds for tests only (`scripts/build.ts --testing`), where a minute of watching would be too long. */
declare const TESTING_HEALTH_INTERVAL_MS: number | undefined;

/** The version of this program, without a leading `v`. */
export const PROGRAM_VERSION = typeof BUILD_VERSION === "string" ? BUILD_VERSION : version;

/** The commit that it was built from, or `unknown`. */
export const PROGRAM_COMMIT = typeof BUILD_COMMIT === "string" ? BUILD_COMMIT : "unknown";

/** Names its exact sources and runtimes: two executables of one target with the same id are the same program. */
export const PROGRAM_BUILD = typeof BUILD_ID === "string" ? BUILD_ID : "source";

/** Public keys in PEM form that releases may be signed with, whoever asks; empty when none were known at build time. */
export const TRUSTED_KEYS = typeof BUILD_TRUSTED_KEYS === "string" ? BUILD_TRUSTED_KEYS : "";

/** Contract: looked at every 2 s, for a minute at most (installer-systemd §4.6). */
export const HEALTH_TIMING: HealthTiming =
  typeof TESTING_HEALTH_INTERVAL_MS === "number"
    ? { intervalMs: TESTING_HEALTH_INTERVAL_MS, deadlineMs: 30 * TESTING_HEALTH_INTERVAL_MS }
    : { intervalMs: 2000, deadlineMs: 60_000 };

/** Where the running executable lies; undefined when the sources run directly, so that no Bun is taken for the updater. */
export const PROGRAM_PATH = typeof BUILD_VERSION === "string" ? process.execPath : undefined;
