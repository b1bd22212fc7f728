import { expect, test } from "bun:test";
import { lacksProxy } from "../../src/host/unit-proxy.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { temporaryHost } from "../support/temporary-host.ts";

const namespace = namespaceFor("");
const dropIn = (name: string, folder = "/etc/systemd/system") => `${folder}/teleport-update.service.d/${name}`;

test.each<[path: string, text: string, lacks: boolean]>([
  [dropIn("override.conf"), "[Service]\nEnvironment=HTTPS_PROXY=http://p\n", false],
  [dropIn("override.conf"), 'Environment="NO_PROXY=x" "https_proxy=http://p"\n', false],
  [dropIn("override.conf"), "PassEnvironment=HTTPS_PROXY\n", false],
  [dropIn("override.conf"), "EnvironmentFile=-/etc/proxy\n", false],
  [dropIn("override.conf", "/run/systemd/system"), "Environment=HTTPS_PROXY=http://p\n", false],
  [namespace.proxyDropIn, "EnvironmentFile=-/opt/teleport/default/proxy.env\n", false],
  ["/etc/systemd/system.conf.d/site.conf", "[Manager]\nDefaultEnvironment=HTTPS_PROXY=http://p\n", false],
  ["/etc/systemd/system.conf", "[Manager]\nDefaultEnvironment=HTTPS_PROXY=http://p\n", false],
  [dropIn("override.conf"), "# Environment=HTTPS_PROXY=http://p\nEnvironmentFile=\nEnvironment=NO_PROXY=x\n", true],
  [dropIn("override.conf.off"), "Environment=HTTPS_PROXY=http://p\n", true],
  ["/etc/systemd/system/teleport.service.d/override.conf", "Environment=HTTPS_PROXY=http://p\n", true],
])("%s with %j", (path, text, lacks) => {
  using host = temporaryHost();
  host.write(namespace.updaterUnit, "[Service]\nType=oneshot\n");
  host.write(path, text);
  expect(lacksProxy(host.files, namespace)).toBe(lacks);
});

test("a unit that is not there lacks nothing", () => {
  using host = temporaryHost();
  expect(lacksProxy(host.files, namespace)).toBeFalse();
});
