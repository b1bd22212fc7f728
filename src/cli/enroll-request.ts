import { readProxyEnvironment } from "../platform/connect-proxy.ts";
import { nearest } from "../platform/nearest.ts";
import { REVISION_FLAGS } from "../settings/revision.ts";
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
    forceFlags: forceFlags(input),
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

/** Upstream passes over what is no edition, and so do we; but a mistyped one gets the host another edition than was meant. */
function forceFlags({ values, sources, log }: CommandInput<typeof ENROLL_FLAGS>): readonly string[] {
  const words = values["force-flag"];
  const isVariable = sources["force-flag"] === "environment";
  for (const word of words.filter((one) => !REVISION_FLAGS.some((known) => known === one))) {
    log.warn("A forced flag is neither `Enterprise` nor `FIPS`, and has no effect.", {
      [isVariable ? "variable" : "flag"]: isVariable ? "TELEPORT_UPDATE_FLAGS" : "--force-flag",
      value: word,
      did_you_mean: REVISION_FLAGS.find((known) => nearest(word.toLowerCase(), [known.toLowerCase()]) !== undefined),
    });
  }
  return words;
}

function digest(given: string): string {
  const hex = given.replace(/^sha256:/i, "");
  if (given === "" || /^[0-9a-f]{64}$/i.test(hex)) return hex.toLowerCase();
  throw usageError(`flag \`--digest\` must be a SHA-256 of 64 hex digits, not ${quoted(given)}`);
}
