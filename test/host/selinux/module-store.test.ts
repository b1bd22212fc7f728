import { expect, test } from "bun:test";
import { isModuleInstalled } from "../../../src/host/selinux/module-store.ts";
import { temporaryHost } from "../../support/temporary-host.ts";

const STORE = "/var/lib/selinux";
const CONFIG = "# SELINUXTYPE=mls\nSELINUX=permissive\nSELINUXTYPE=default\n";

test.each([
  ["a host without SELinux", undefined, undefined, false],
  ["no module", CONFIG, undefined, false],
  ["the usual priority", CONFIG, `${STORE}/default/active/modules/400/teleport_ssh/cil`, true],
  ["another priority", CONFIG, `${STORE}/default/active/modules/100/teleport_ssh/cil`, true],
  ["switched off", CONFIG, `${STORE}/default/active/modules/disabled/teleport_ssh`, true],
  ["a policy that is not in use", CONFIG, `${STORE}/mls/active/modules/400/teleport_ssh/cil`, false],
  ["a policy that is not named", "SELINUX=enforcing\n", `${STORE}/targeted/active/modules/400/teleport_ssh/cil`, true],
  [
    "only its domain's permissive mark",
    CONFIG,
    `${STORE}/default/active/modules/400/permissive_teleport_ssh_t/cil`,
    false,
  ],
  ["a store that nobody uses", undefined, `${STORE}/targeted/active/modules/400/teleport_ssh/cil`, false],
])("the module is looked for in the store: %s", (_, config, present, expected) => {
  using host = temporaryHost();
  if (config !== undefined) host.write("/etc/selinux/config", config);
  if (present !== undefined) host.write(present, "");
  expect(isModuleInstalled(host.files)).toBe(expected);
});
