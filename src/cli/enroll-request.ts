import { readProxyEnvironment } from "../platform/connect-proxy.ts";
import type { EnrollRequest } from "../update/enroll.ts";
import { readNamespace, temporaryDirectory } from "./context.ts";
import type { ENROLL_FLAGS } from "./enroll-flags.ts";
import { quoted, usageError } from "./flag-words.ts";
import { firstBaseUrl, givenOptions } from "./given-options.ts";
import { imageRequest } from "./image-flags.ts";
import { pathOfPlace } from "./local-place.ts";
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
    from: values.from === "" ? "" : pathOfPlace(values.from),
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
