import { resolve } from "node:path";
import { readProxyEnvironment } from "../platform/connect-proxy.ts";
import type { EnrollRequest } from "../update/enroll.ts";
import { readNamespace, temporaryDirectory } from "./context.ts";
import type { ENROLL_FLAGS } from "./enroll-flags.ts";
import { quoted, usageError } from "./flag-words.ts";
import { firstBaseUrl, givenOptions } from "./given-options.ts";
import { imageRequest } from "./image-flags.ts";
import type { CommandInput } from "./program.ts";

/** What `enable` and `pin` ask of `enroll`: the values of the command line and its surroundings, nothing decided. */
export function enrollRequest(
  command: EnrollRequest["command"],
  input: CommandInput<typeof ENROLL_FLAGS>,
): EnrollRequest {
  const { values, sources, environment } = input;
  return {
    command,
    namespace: readNamespace(input),
    proxy: values.proxy,
    group: values.group,
    baseUrl: firstBaseUrl(values["base-url"]),
    digest: digest(values.digest),
    from: source(values.from),
    path: values.path,
    overwrite: values.overwrite,
    allowProxyConflict: values["allow-proxy-conflict"],
    forceVersion: values["force-version"],
    forceFlags: values["force-flag"],
    selfSetup: values["self-setup"],
    handOver: values["hand-over"],
    // The variable alone leaves the setting as it is: every setup step sets it for its own child (updater-core §1.4).
    selinuxSsh: sources["selinux-ssh"] === "command line" ? values["selinux-ssh"] : undefined,
    options: givenOptions(values, sources),
    image: imageRequest(command, input),
    keepProxies: sources["proxy-env"] === "command line" ? values["proxy-env"] : undefined,
    proxies: readProxyEnvironment(environment),
    viaSudo: environment["SUDO_UID"] !== undefined,
    insecure: values.insecure,
    debug: values.debug,
    logFormat: values["log-format"],
    temporaryDirectory: temporaryDirectory(input),
  };
}

function digest(given: string): string {
  const hex = given.replace(/^sha256:/i, "");
  if (hex === "" || /^[0-9a-f]{64}$/i.test(hex)) return hex.toLowerCase();
  throw usageError(`flag \`--digest\` must be a SHA-256 of 64 hex digits, not ${quoted(given)}`);
}

/** A path, or a `file://` URL of one. */
function source(given: string): string {
  if (given === "") return "";
  const path = /^file:\/\//i.test(given) ? pathOfUrl(given) : resolve(given);
  if (path !== undefined && !path.includes("\0")) return path;
  throw usageError(`flag \`--from\` must be a path or a URL like \`file:///media/stick\`, not ${quoted(given)}`);
}

/** Undefined for a URL of another machine, and for one that cannot be decoded. */
function pathOfUrl(url: string): string | undefined {
  try {
    const { host, pathname } = new URL(url);
    return host === "" ? decodeURIComponent(pathname) : undefined;
  } catch {
    return undefined;
  }
}
