import { describe, expect, test } from "bun:test";
import { basename } from "node:path";
import { planKeptProxies } from "../../src/host/kept-proxies.ts";
import type { TimerFacts } from "../../src/host/timer-facts.ts";
import { proxyDropIn } from "../../src/host/unit-files.ts";
import { formatKeptProxies } from "../../src/settings/kept-proxies.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { revision } from "../../src/settings/revision.ts";
import { applyChanges, undoChanges } from "../support/apply-changes.ts";
import { temporaryHost } from "../support/temporary-host.ts";

const namespace = namespaceFor("");
const OFF = { enabled: false, active: false };
const PRESENT: TimerFacts = { kind: "present", timer: OFF, v1: { installed: false, state: OFF } };
const PROXIES = { httpsProxy: "http://u:p@proxy:3128", httpProxy: "", noProxy: "" };
const inputs = (systemd: TimerFacts = PRESENT) => ({
  ...{ namespace, revision: revision("18.1.0"), path: "", timerRuns: "ours" as const },
  systemd,
});
const TEXT = formatKeptProxies(PROXIES, "ours");

describe("proxies to keep", () => {
  test("[threat no-secrets] go to a file that only root may read, and the unit gets its path alone", () => {
    using host = temporaryHost();
    const changes = planKeptProxies(host.files, inputs(), PROXIES);
    applyChanges(host.files, changes);
    expect(host.snapshot()).toEqual({
      [namespace.proxyEnvironment]: TEXT,
      [namespace.proxyDropIn]: proxyDropIn(inputs()),
    });
    expect(host.files.stat(namespace.proxyEnvironment)?.mode).toBe(0o600);
    expect(proxyDropIn(inputs())).not.toContain("proxy:3128");
    expect(changes.filter(({ kind }) => kind === "daemon-reload")).toHaveLength(2);
    expect(planKeptProxies(host.files, inputs(), PROXIES)).toEqual([]);
    undoChanges(host.files, changes);
    expect(host.snapshot()).toEqual({});
  });

  test("[threat no-secrets] make a file anew that others may read, and its undo brings it back", () => {
    using host = temporaryHost();
    host.write(namespace.proxyEnvironment, TEXT, 0o644);
    const changes = planKeptProxies(host.files, inputs(), PROXIES);
    applyChanges(host.files, changes);
    expect(host.files.stat(namespace.proxyEnvironment)?.mode).toBe(0o600);
    undoChanges(host.files, changes);
    expect(host.files.stat(namespace.proxyEnvironment)?.mode).toBe(0o644);
  });

  test("come before an operator's drop-in, and before the other one of ours", () => {
    const names = ["override.conf", basename(namespace.updaterDropIn), basename(namespace.proxyDropIn)];
    expect(names.sort()[0]).toBe(basename(namespace.proxyDropIn));
  });

  test("have no unit to go to without systemd, and none to read anew on a host that does not run", () => {
    using host = temporaryHost();
    const written = (systemd: TimerFacts) =>
      planKeptProxies(host.files, inputs(systemd), PROXIES).flatMap((change) =>
        change.kind === "file" ? [change.path] : change.kind === "daemon-reload" ? [change.kind] : [],
      );
    expect(written({ kind: "absent" })).toEqual([namespace.proxyEnvironment]);
    expect(written({ kind: "offline" })).toEqual([namespace.proxyEnvironment, namespace.proxyDropIn]);
  });
});

test("none to keep: both files go, whatever is in them, and nothing else", () => {
  using host = temporaryHost();
  const override = namespace.proxyDropIn.replace(/[^/]+$/, "override.conf");
  host.write(override, "[Service]\n");
  host.write(namespace.proxyEnvironment, "of somebody else\n");
  host.write(namespace.proxyDropIn, "");
  applyChanges(host.files, planKeptProxies(host.files, inputs(), undefined));
  expect(host.snapshot()).toEqual({ [override]: "[Service]\n" });
  expect(planKeptProxies(host.files, inputs(), undefined)).toEqual([]);
});
