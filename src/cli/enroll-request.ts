import { resolve } from "node:path";
import type { EnrollRequest } from "../update/enroll.ts";
import { readNamespace, temporaryDirectory } from "./context.ts";
import type { ENROLL_FLAGS } from "./enroll-flags.ts";
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
    baseUrl: values["base-url"],
    path: values.path,
    overwrite: values.overwrite,
    allowProxyConflict: values["allow-proxy-conflict"],
    forceVersion: values["force-version"],
    forceFlags: values["force-flag"],
    selfSetup: values["self-setup"],
    handOver: values["hand-over"],
    // The variable alone leaves the setting as it is: every setup step sets it for its own child (updater-core §1.4).
    selinuxSsh: sources["selinux-ssh"] === "command line" ? values["selinux-ssh"] : undefined,
    caFile: ["", "default"].includes(values["ca-file"]) ? values["ca-file"] : resolve(values["ca-file"]),
    insecure: values.insecure,
    debug: values.debug,
    logFormat: values["log-format"],
    temporaryDirectory: temporaryDirectory(environment),
  };
}
