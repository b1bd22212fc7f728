import { describe, expect, test } from "bun:test";
import { findOtherBots, otherBotNotice } from "../../src/host/other-bots.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { type TemporaryHost, temporaryHost } from "../support/temporary-host.ts";
import { keptLog } from "../support/test-world.ts";

const UNITS = "/etc/systemd/system";
const namespace = namespaceFor("");
const running = (flags: string) => `[Service]\nExecStart=/usr/local/bin/tbot start ${flags}\n`;
const found = (host: TemporaryHost) => findOtherBots({ files: host.files, log: keptLog() }, namespace);

/** A host whose own bot is configured. */
function botHost(config = "proxy_server: p\nstorage:\n  type: directory\n  path: /var/lib/bot/\n"): TemporaryHost {
  const host = temporaryHost();
  host.write("/etc/tbot.yaml", config);
  return host;
}

describe("a unit of another name", () => {
  test.each([
    ["on the same configuration", running("-c /etc/tbot.yaml"), "/etc/tbot.yaml"],
    ["on the same configuration, spelled otherwise", running("--config=/etc//tbot.yaml"), "/etc/tbot.yaml"],
    ["on the same storage by a flag", running("--data-dir=/var/lib/bot"), "/var/lib/bot"],
    ["on the same storage by its own configuration", running("-c /etc/other.yaml"), "/var/lib/bot"],
  ])("%s is found", (_, text, shared) => {
    using host = botHost();
    host.write("/etc/other.yaml", "storage: {path: /var/lib/bot}\n");
    host.write(`${UNITS}/machineid.service`, text);
    expect(found(host)).toEqual([{ unit: "machineid.service", shared }]);
  });

  test.each([
    ["on files of its own", running("-c /etc/own.yaml")],
    ["that keeps nothing", running("-c /etc/memory.yaml")],
    ["without a configuration that can be seen", running("-c /etc/missing.yaml")],
    ["of another installation of an updater", `# teleport-update 18.1.0\n${running("-c /etc/tbot.yaml")}`],
    ["that is no bot", "[Service]\nExecStart=/bin/cat /etc/tbot.yaml\n"],
  ])("%s is not", (_, text) => {
    using host = botHost();
    host.write("/etc/own.yaml", "storage: {type: directory, path: /srv/bot}\n");
    host.write("/etc/memory.yaml", "storage: {type: memory}\n");
    host.write(`${UNITS}/machineid.service`, text);
    expect(found(host)).toEqual([]);
  });

  test("is found on the storage that both use because neither names one", () => {
    using host = botHost("proxy_server: p\n");
    host.write("/etc/other.yaml", "proxy_server: p\n");
    host.write("/usr/lib/systemd/system/machineid.service", running("-c /etc/other.yaml"));
    expect(found(host)).toEqual([{ unit: "machineid.service", shared: "/var/lib/teleport/bot" }]);
  });

  test("is no rival while the own bot is not configured", () => {
    using host = temporaryHost();
    host.write("/etc/other.yaml", "proxy_server: p\n");
    host.write(`${UNITS}/machineid.service`, running("-c /etc/other.yaml"));
    expect(found(host)).toEqual([]);
  });

  test("counts once, by its first place, and neither as an alias, a template, a directory nor when masked", () => {
    using host = botHost();
    const text = running("-c /etc/tbot.yaml");
    for (const name of ["a", "masked", "template@"]) host.write(`/usr/lib/systemd/system/${name}.service`, text);
    host.write(`${UNITS}/a.service`, text);
    host.link(`${UNITS}/alias.service`, `${UNITS}/a.service`);
    host.link(`${UNITS}/masked.service`, "/dev/null");
    host.write("/srv/units/linked.service", text);
    host.link(`${UNITS}/linked.service`, "/srv/units/linked.service");
    host.files.makeDirectory(`${UNITS}/folder.service`);
    host.write(`${UNITS}/large.service`, `${text}${"#".repeat(1_000_000)}`);
    host.write(`${UNITS}/tbot.service`, text);
    expect(found(host).map(({ unit }) => unit)).toEqual(["a.service", "linked.service"]);
  });

  test("is named with the command that ends it", () => {
    expect(otherBotNotice({ unit: "machineid.service", shared: "/etc/tbot.yaml" }, "tbot.service")).toMatchObject({
      level: "warn",
      attributes: { unit: "machineid.service", command: "systemctl disable --now machineid.service" },
    });
  });
});
