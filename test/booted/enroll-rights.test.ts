import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Cluster, enableFrom, startCluster } from "./support/cluster.ts";
import { bootUpdaterHost, messages, outcomeOf, UPDATER } from "./support/updater-host.ts";

describe("who may enroll, and with which umask", () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster([{ version: "18.1.0" }]);
  }, 300_000);
  afterAll(() => cluster?.[Symbol.asyncDispose]());

  test("only root may enroll, anybody may ask for the status", async () => {
    await using host = await bootUpdaterHost(cluster.ca);
    const before = host.footprint();
    const asNobody = async (args: readonly string[]) => {
      const nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"];
      return outcomeOf(await host.exec(["env", "-C", "/", ...nobody, UPDATER, "--log-format=json", ...args]));
    };
    const { exitCode, code } = await asNobody(enableFrom(cluster));
    expect({ exitCode, code }).toEqual({ exitCode: 1, code: "E_NOT_ROOT" });
    expect(cluster.requests).toEqual([]);
    expect(host.footprint()).toEqual(before);

    await host.succeed(enableFrom(cluster));
    expect(await asNobody(["status"])).toMatchObject({ exitCode: 0, stderr: "" });
  });

  test("the caller's umask makes no difference but two warnings", async () => {
    await using usual = await bootUpdaterHost(cluster.ca);
    await using strict = await bootUpdaterHost(cluster.ca);
    const expected = messages(await usual.succeed(enableFrom(cluster)), "warn");
    const warnings = messages(await strict.succeed(enableFrom(cluster), { umask: "0077" }), "warn");
    expect(warnings).toEqual([
      "Restrictive umask detected and replaced for this run.",
      "Files and directories made by this run follow umask 0022, whatever umask is detected.",
      ...expected,
    ]);
    expect(strict.footprint()).toEqual(usual.footprint());
    // Nobody else may hold the lock, or read what was done.
    const secret = ["update.lock", "history.jsonl"].flatMap((name) => ["-not", "-name", name]);
    const unreadable = ["/opt", "/usr/local/bin", "/etc/systemd", "/usr/lib/systemd/system/teleport.service"];
    expect(await strict.ask("find", ...unreadable, ...secret, "-not", "-type", "l", "-not", "-perm", "-444")).toBe("");
    const programs = ["-path", "*/bin/*", "-o", "-name", "teleport-update", "-type", "f"];
    expect(await strict.ask("find", "/opt", "(", ...programs, ")", "-not", "-perm", "755")).toBe("");
  });
});
