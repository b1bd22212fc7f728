import { keptVariable, PROXY_VARIABLES, type ProxyEnvironment } from "../platform/connect-proxy.ts";
import { UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import type { Namespace } from "./namespace.ts";

/**
 * Which updater the timer starts: ours knows names of its own, see `keptVariable`; another one knows the plain names only,
 * which beat an operator's `Environment=` then.
 */
export type TimerRuns = "ours" | "another";

const SIZE_LIMIT = 1 << 16;
const FIELDS = { HTTPS_PROXY: "httpsProxy", HTTP_PROXY: "httpProxy", NO_PROXY: "noProxy" } as const;

/**
 * The text of `proxy.env`: what systemd reads back, and a shell (`set -a; . FILE`). Fails with `E_CONNECT_PROXY` on what
 * systemd takes in no variable.
 */
export function formatKeptProxies(proxies: ProxyEnvironment, timerRuns: TimerRuns): string {
  const lines = PROXY_VARIABLES.flatMap((name) => {
    const value = proxies[FIELDS[name]];
    if (value === "") return [];
    requireWritable(name, value);
    const variable = timerRuns === "ours" ? keptVariable(name) : name;
    return [`${variable}="${value.replaceAll(/["\\$`]/g, "\\$&")}"\n`];
  });
  return `${HEADER}${lines.join("")}`;
}

const HEADER = "# Kept by `enable --proxy-env`; gone with `enable --no-proxy-env`.\n";

/**
 * What is kept for the timer of a namespace; undefined when nothing is. Fails with `E_OPTIONS_READ` when the file holds
 * something else, and with `E_UNREADABLE_FILE` when somebody else may have made it.
 */
export function readKeptProxies(files: Files, { proxyEnvironment }: Namespace): ProxyEnvironment | undefined {
  const text = files.readOwn(proxyEnvironment, SIZE_LIMIT);
  return text === undefined ? undefined : parseKeptProxies(text, files.real(proxyEnvironment));
}

function parseKeptProxies(text: string, path: string): ProxyEnvironment {
  const proxies: ProxyEnvironment = { httpsProxy: "", httpProxy: "", noProxy: "" };
  for (const [index, line] of text.split("\n").entries()) {
    if (/^\s*([#;].*)?$/.test(line)) continue;
    const [, variable, quoted, bare] = ASSIGNMENT.exec(line) ?? [];
    const name = PROXY_VARIABLES.find((known) => variable === known || variable === keptVariable(known));
    // The line is not shown: it may hold a password.
    if (name === undefined) throw notOurs(path, index + 1);
    proxies[FIELDS[name]] = quoted?.replaceAll(/\\(.)/g, "$1") ?? bare ?? "";
  }
  return proxies;
}

/** As we write it, or as somebody does who writes one by hand. */
const ASSIGNMENT = /^(\w+)=(?:"((?:[^"\\]|\\["\\$`])*)"|([^"'\\\s]*))\s*$/;

/** Control characters, halves of pairs, non-characters, and what stands for bytes that are no text. */
const UNWRITABLE = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}\uFFFD]/u;

function requireWritable(name: string, value: string): void {
  if (!UNWRITABLE.test(value)) return;
  throw new UpdateError("E_CONNECT_PROXY", `\`${name}\` has a character that no file of variables can hold`, {
    hint: "control characters and bytes that are not UTF-8 have no place in it; in a password write them as `%0a`",
  });
}

function notOurs(path: string, line: number): UpdateError {
  return new UpdateError("E_OPTIONS_READ", `line ${line} of \`${path}\` is no proxy variable`, {
    hint: "keep the proxies again with `teleport-update enable --proxy-env`, or none with `--no-proxy-env`",
  });
}
