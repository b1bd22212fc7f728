import { describe, expect, test } from "bun:test";
import { planBotTimer, planBotTimerRemoval } from "../../src/host/bot-timer.ts";
import type { TimerFacts } from "../../src/host/timer-facts.ts";
import type { UnitState } from "../../src/platform/change.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { applyChanges, undoChanges } from "../support/apply-changes.ts";
import { temporaryHost } from "../support/temporary-host.ts";

const namespace = namespaceFor("blue");
const LINK = "/etc/systemd/system/tbot_blue.service.wants/teleport-update_blue.timer";
const TIMER = "/etc/systemd/system/teleport-update_blue.timer";

const present = (timer: UnitState): TimerFacts => ({
  kind: "present",
  timer,
  v1: { installed: false, state: { enabled: false, active: false } },
});
const RUNNING = present({ enabled: true, active: true });

describe("the link by which the bot wants the timer", () => {
  test.each<[string, TimerFacts]>([
    ["a running host", present({ enabled: false, active: false })],
    ["a host with the timer on", RUNNING],
    ["a host that does not run", { kind: "offline" }],
  ])("is made with its folder, and undone with it: %s", (_, facts) => {
    using host = temporaryHost();
    host.files.makeDirectory("/etc/systemd/system");
    const changes = planBotTimer(host.files, namespace, facts);
    applyChanges(host.files, changes);
    expect(host.snapshot()).toEqual({ [LINK]: `-> ${TIMER}` });
    expect(planBotTimer(host.files, namespace, facts === RUNNING ? RUNNING : { kind: "offline" })).toEqual([]);
    undoChanges(host.files, changes);
    expect(host.files.list("/etc/systemd/system")).toEqual([]);
  });

  test("is not made where there is no systemd", () => {
    using host = temporaryHost();
    expect(planBotTimer(host.files, namespace, { kind: "absent" })).toEqual([]);
  });

  test("is placed again by the undo of the start of a stopped timer, which disables it for a moment", () => {
    using host = temporaryHost();
    host.link(LINK, TIMER);
    const changes = planBotTimer(host.files, namespace, present({ enabled: true, active: false }));
    host.files.removeFile(LINK);
    undoChanges(host.files, changes);
    expect(host.snapshot()).toEqual({ [LINK]: `-> ${TIMER}` });
  });

  test("is removed by a change with an undo, once", () => {
    using host = temporaryHost();
    host.link(LINK, TIMER);
    const changes = planBotTimerRemoval(host.files, namespace);
    applyChanges(host.files, changes);
    expect(host.snapshot()).toEqual({});
    expect(planBotTimerRemoval(host.files, namespace)).toEqual([]);
    undoChanges(host.files, changes);
    expect(host.snapshot()).toEqual({ [LINK]: `-> ${TIMER}` });
  });
});
