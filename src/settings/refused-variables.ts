/** What a variable would do; `endings` are those known for a `*`, for systemd, which takes whole names only. */
interface RefusedVariable {
  effect: string;
  endings?: readonly string[];
}

/**
 * Variables that could make this process, its runtime or its children do something else than what is written here. They
 * are deleted at the start, and a warning names those that were set; `*` stands for any ending. Many act before the first
 * line of ours, so units unset them as well, and sudo must not keep them.
 */
export const REFUSED_VARIABLES: Readonly<Record<string, RefusedVariable>> = {
  BUN_OPTIONS: { effect: "loads code into the runtime" },
  BUN_BE_BUN: { effect: "turns the program into the bare runtime" },
  "BUN_BYTECODE_*": {
    effect: "overwrites the file that it names",
    endings: ["ORDER_OUT", "ORDER_NAMES_OUT", "DIGEST_OUT"],
  },
  "BUN_INSPECT*": { effect: "opens a debugger", endings: ["", "_CONNECT_TO", "_NOTIFY", "_PRELOAD"] },
  "BUN_CONFIG_*": {
    effect: "changes the runtime's network, or prints what is sent",
    endings: [
      "VERBOSE_FETCH",
      "HTTP_IDLE_TIMEOUT",
      "MAX_HTTP_REQUESTS",
      "DNS_TIME_TO_LIVE_SECONDS",
      "DISABLE_COPY_FILE_RANGE",
    ],
  },
  "BUN_JSC_*": {
    effect: "changes the JavaScript engine, or the code that it runs",
    endings: ["configFile", "functionOverrides", "dumpOptions", "dumpJITMemoryPath", "diskCachePath", "useDollarVM"],
  },
  "BUN_FEATURE_FLAG_*": {
    effect: "changes the runtime",
    endings: [
      "DISABLE_IPV4",
      "DISABLE_IPV6",
      "DISABLE_MEMFD",
      "EXPERIMENTAL_HTTP2_CLIENT",
      "EXPERIMENTAL_HTTP3_CLIENT",
    ],
  },
  "BUN_*": {
    effect: "changes the runtime",
    endings: [
      "CRASH_REPORT_URL",
      "ENABLE_CRASH_REPORTING",
      "RUNTIME_TRANSPILER_CACHE_PATH",
      "TMPDIR",
      "TRACE",
      "WATCHER_TRACE",
    ],
  },
  NODE_TLS_REJECT_UNAUTHORIZED: { effect: "turns certificate checks off" },
  NODE_EXTRA_CA_CERTS: { effect: "adds to the trusted authorities; use `--ca-file`" },
  "NODE_*": {
    effect: "loads code into runtimes, or changes them",
    endings: [
      ...["OPTIONS", "PATH", "DEBUG", "CHANNEL_FD", "COMPILE_CACHE", "ICU_DATA", "REDIRECT_WARNINGS", "UNIQUE_ID"],
      ...["USE_ENV_PROXY", "USE_SYSTEM_CA", "V8_COVERAGE"],
    ],
  },
  SSL_CERT_FILE: { effect: "replaces the trusted authorities; use `--ca-file`" },
  SSL_CERT_DIR: { effect: "replaces the trusted authorities; use `--ca-file`" },
  "LD_*": {
    effect: "loads code into programs, writes what they do to files, or shows them in place of running them",
    endings: [
      ...["PRELOAD", "LIBRARY_PATH", "AUDIT", "DEBUG", "DEBUG_OUTPUT", "PROFILE", "PROFILE_OUTPUT", "ORIGIN_PATH"],
      ...["TRACE_LOADED_OBJECTS", "SHOW_AUXV", "BIND_NOT", "BIND_NOW", "DYNAMIC_WEAK", "HWCAP_MASK", "VERBOSE", "WARN"],
    ],
  },
  GLIBC_TUNABLES: { effect: "changes the memory of programs, and their choice of code" },
  GCONV_PATH: { effect: "loads code into programs" },
  GETCONF_DIR: { effect: "runs programs of another folder" },
  LOCPATH: { effect: "loads locales of another folder" },
  NLSPATH: { effect: "loads messages of another folder" },
  "MALLOC_*": {
    effect: "changes the memory of programs, or writes what they do to a file",
    endings: ["ARENA_MAX", "ARENA_TEST", "CHECK_", "MMAP_MAX_", "PERTURB_", "TOP_PAD_", "TRACE", "TRIM_THRESHOLD_"],
  },
  "MIMALLOC_*": { effect: "changes the memory of the runtime, or prints it", endings: ["VERBOSE", "SHOW_STATS"] },
  "mimalloc_*": { effect: "as `MIMALLOC_*`", endings: ["verbose", "show_stats"] },
  HOSTALIASES: { effect: "gives names of hosts another meaning" },
  CARES_HOSTS: { effect: "gives names of hosts another meaning" },
  LOCALDOMAIN: { effect: "gives names of hosts another meaning" },
  RES_OPTIONS: { effect: "changes how names of hosts are looked up" },
};

/** The names among `names` that are refused, sorted. */
export function refusedNames(names: readonly string[]): string[] {
  const patterns = Object.keys(REFUSED_VARIABLES);
  const isRefused = (name: string) =>
    patterns.some((pattern) => (pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern));
  return names.filter(isRefused).sort();
}

/** The refused variables by whole names, as far as they are known: a list for each row of the table. */
export function knownRefusedNames(): string[][] {
  return Object.entries(REFUSED_VARIABLES).map(([pattern, { endings }]) =>
    endings === undefined ? [pattern] : endings.map((ending) => `${pattern.slice(0, -1)}${ending}`),
  );
}
