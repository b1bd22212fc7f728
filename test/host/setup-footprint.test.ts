import { expect, test } from "bun:test";
import { captureImages, setupFootprint } from "../../src/host/setup-footprint.ts";
import { planSetup } from "../../src/host/setup-plan.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { revision } from "../../src/settings/revision.ts";
import { temporaryHost } from "../support/temporary-host.ts";

test.each(["", "test"])("the footprint covers everything that a setup writes (suffix %j)", (suffix) => {
  using host = temporaryHost();
  const namespace = namespaceFor(suffix);
  host.files.makeDirectory("/etc/needrestart/conf.d");
  host.link(
    "/etc/systemd/system/timers.target.wants/teleport-upgrade.timer",
    "/lib/systemd/system/teleport-upgrade.timer",
  );
  const changes = planSetup(host.files, {
    namespace,
    revision: revision("18.1.0"),
    path: namespace.defaultLinkDirectory,
    dataDirectory: namespace.defaultDataDirectory,
    manageTbot: true,
    selinux: [],
    systemd: { kind: "offline" },
  });
  const paths = changes.flatMap((change) => (change.kind === "file" || change.kind === "link" ? [change.path] : []));
  expect(setupFootprint(host.files, namespace).toSorted()).toEqual(paths.toSorted());
});

test("images hold what lies at each path", () => {
  using host = temporaryHost();
  host.write("/etc/a", "text\n", 0o600);
  host.link("/etc/b", "/nowhere");
  expect(captureImages(host.files, ["/etc/a", "/etc/b", "/etc/c", "/missing/d"])).toEqual([
    { path: "/etc/a", kind: "file", image: { content: "text\n", mode: 0o600 } },
    { path: "/etc/b", kind: "link", target: "/nowhere" },
    { path: "/etc/c", kind: "absent" },
    { path: "/missing/d", kind: "absent" },
  ]);
});

test("what no image can hold is refused", () => {
  using host = temporaryHost();
  host.files.makeDirectory("/etc/a");
  expect(() => captureImages(host.files, ["/etc/a"])).toThrow(expect.objectContaining({ code: "E_IRREGULAR_FILE" }));
});
