import { expect, test } from "bun:test";
import { basename } from "node:path";
import type { TimerFacts } from "../../src/host/timer-facts.ts";
import { updaterDropIn } from "../../src/host/unit-files.ts";
import { planUpdaterDropIn, planUpdaterDropInRemoval } from "../../src/host/updater-drop-in.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { revision } from "../../src/settings/revision.ts";
import { applyChanges, undoChanges } from "../support/apply-changes.ts";
import { temporaryHost } from "../support/temporary-host.ts";

const OFF = { enabled: false, active: false };
const PRESENT: TimerFacts = { kind: "present", timer: OFF, v1: { installed: false, state: OFF } };
const inputs = (suffix: string, systemd: TimerFacts = PRESENT) => {
  const namespace = namespaceFor(suffix);
  return { namespace, revision: revision("18.1.0"), path: namespace.defaultLinkDirectory, systemd };
};
const { namespace } = inputs("");

test.each([
  ["", "/etc/systemd/system/teleport-update.service.d/10-teleport-update.conf"],
  ["blue", "/etc/systemd/system/teleport-update_blue.service.d/10-teleport-update_blue.conf"],
])("[threat unset-environment] is written beside the unit, and read in: suffix %j", (suffix, path) => {
  using host = temporaryHost();
  const changes = planUpdaterDropIn(host.files, inputs(suffix));
  expect(changes.map(({ kind }) => kind)).toEqual([
    "daemon-reload",
    ...Array.from({ length: changes.length - 3 }, () => "directory" as const),
    "file",
    "daemon-reload",
  ]);
  applyChanges(host.files, changes);
  expect(host.snapshot()).toEqual({ [path]: updaterDropIn(inputs(suffix)) });
  expect(planUpdaterDropIn(host.files, inputs(suffix))).toEqual([]);
  undoChanges(host.files, changes);
  expect(host.snapshot()).toEqual({});
});

test("[threat unset-environment] leaves an operator's drop-in the last word", () => {
  const names = ["override.conf", "99-local.conf", basename(namespace.updaterDropIn)];
  expect(names.sort()[0]).toBe(basename(namespace.updaterDropIn));
});

test("goes again, and the drop-ins of others stay", () => {
  using host = temporaryHost();
  const override = namespace.updaterDropIn.replace(/[^/]+$/, "override.conf");
  host.write(override, "[Service]\n");
  applyChanges(host.files, planUpdaterDropIn(host.files, inputs("")));
  const removal = planUpdaterDropInRemoval(host.files, namespace, PRESENT);
  expect(removal.map(({ kind }) => kind)).toEqual(["daemon-reload", "file", "daemon-reload"]);
  applyChanges(host.files, removal);
  expect(host.snapshot()).toEqual({ [override]: "[Service]\n" });
  expect(planUpdaterDropInRemoval(host.files, namespace, PRESENT)).toEqual([]);
});

test("is nobody's business without systemd, and nothing is read in on a host that does not run", () => {
  using host = temporaryHost();
  host.write(namespace.updaterDropIn, "");
  expect(planUpdaterDropIn(host.files, inputs("", { kind: "absent" }))).toEqual([]);
  expect(planUpdaterDropInRemoval(host.files, namespace, { kind: "absent" })).toEqual([]);
  expect(planUpdaterDropInRemoval(host.files, namespace, { kind: "offline" }).map(({ kind }) => kind)).toEqual([
    "file",
  ]);
});
