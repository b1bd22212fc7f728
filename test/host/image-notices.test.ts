import { expect, test } from "bun:test";
import { imageNotices } from "../../src/host/image-notices.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { type TemporaryHost, temporaryHost } from "../support/temporary-host.ts";

const NAMESPACE = namespaceFor("");
const DATA = "/var/lib/teleport";
const ENABLED = "/etc/systemd/system/multi-user.target.wants";

function noticesOf(host: TemporaryHost, manageTbot = true) {
  return imageNotices(host.files, NAMESPACE, { dataDirectory: DATA, manageTbot }).map(({ attributes }) => attributes);
}

test("an image whose first boot starts nothing gets the commands", () => {
  using host = temporaryHost();
  const command = `systemctl --root=${host.root} enable teleport.service`;
  expect(noticesOf(host)).toEqual([{ command, or: `systemctl --root=${host.root} enable tbot.service` }]);
  expect(noticesOf(host, false)).toEqual([{ command }]);
});

test.each(["teleport.service", "tbot.service"])("with %s enabled there is nothing to say", (unit) => {
  using host = temporaryHost();
  host.link(`${ENABLED}/${unit}`, `/lib/systemd/system/${unit}`);
  expect(noticesOf(host)).toEqual([]);
});

test.each(["/etc/machine-id", `${DATA}/host_uuid`, "/tmp/teleport-update.id"])("%s is told", (path) => {
  using host = temporaryHost();
  host.link(`${ENABLED}/teleport.service`, "/lib/systemd/system/teleport.service");
  host.write(path, "");
  expect(noticesOf(host)).toEqual([]);
  host.write(path, "00f1a5c0ffee00f1a5c0ffee00f1a5c0\n");
  expect(noticesOf(host)).toEqual([{ path, command: expect.stringContaining(`${host.root}${path}`) }]);
});

test("a command acts on the file in the tree, wherever the tree's own links lead", () => {
  using host = temporaryHost();
  host.link(`${ENABLED}/teleport.service`, "/lib/systemd/system/teleport.service");
  host.link("/var", "/data");
  host.write("/data/lib/teleport/host_uuid", "00f1a5c0-ffee-4000-8000-000000000000");
  expect(noticesOf(host)).toEqual([
    { path: `${DATA}/host_uuid`, command: `rm ${host.root}/data/lib/teleport/host_uuid` },
  ]);
});

test("a machine id that systemd has yet to make is none", () => {
  using host = temporaryHost();
  host.link(`${ENABLED}/tbot.service`, "/etc/systemd/system/tbot.service");
  host.write("/etc/machine-id", "uninitialized\n");
  expect(noticesOf(host)).toEqual([]);
});
