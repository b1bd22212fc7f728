import { describe, expect, test } from "bun:test";
import { type Phase, phaseAfter } from "./phases.ts";

const NAMESPACE = "/opt/teleport/default";

describe("the phase in which a run is", () => {
  test.each<[Phase, string[]]>([
    ["download", []],
    ["configuration", [`file:before:${NAMESPACE}/update.yaml`]],
    ["configuration", [`file:after:${NAMESPACE}/updater.yaml`]],
    ["removal", [`file:before:${NAMESPACE}/versions/18.0.0/sha256`]],
    ["removal", [`remove:before:${NAMESPACE}/versions/18.0.0`]],
    ["download", [`remove:after:${NAMESPACE}/versions/18.0.0`]],
    ["release into place", [`move:before:${NAMESPACE}/versions/18.1.0`]],
    ["release into place", [`directory:after:${NAMESPACE}/updater`]],
    ["links", ["link:after:/usr/local/bin/tsh"]],
    ["links", ["link:undone:/usr/local/bin/tsh"]],
    ["units", ["link:after:/etc/systemd/system/timers.target.wants/teleport-update.timer"]],
    ["units", ["file:after:/lib/systemd/system/teleport.service"]],
    ["units", ["directory:before:/etc/systemd/system/teleport.service.d"]],
    ["units", ["file:after:/etc/needrestart/conf.d/teleport-update.conf"]],
    ["units", [`file:before:${NAMESPACE}/units.sha256`]],
    ["units", ["setup:before"]],
    ["reload", ["reload:before:teleport.service"]],
    ["commit", ["commit:before"]],
    ["after the end", ["commit:before", "commit:after"]],
    ["removal", ["commit:after", "remove:before:/usr/local/bin/.tsh.replaced-01234567"]],
    ["after the end", ["commit:after", "remove:after:/usr/local/bin/.tsh.replaced-01234567"]],
  ])("%s, after %j", (phase, points) => {
    expect(phaseAfter(points)).toBe(phase);
  });

  test("a point of no known kind is refused", () => {
    expect(() => phaseAfter(["lnik:after:/usr/local/bin/tsh"])).toThrow("`lnik:after:/usr/local/bin/tsh`");
  });
});
