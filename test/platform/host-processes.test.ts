import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { hostProcesses } from "../../src/platform/host-processes.ts";

const sh = (script: string) => ["/bin/sh", "-c", script] as const;

test("both outputs come back, and line by line on the way", async () => {
  const lines: string[] = [];
  const result = await hostProcesses.run(sh("echo one; echo two >&2; printf three"), {
    onLine: (line, from) => lines.push(`${from}:${line}`),
  });
  expect(result).toEqual({ exitCode: 0, failure: undefined, timedOut: false, stdout: "one\nthree", stderr: "two\n" });
  expect(lines.sort()).toEqual(["stderr:two", "stdout:one", "stdout:three"]);
});

test("[inst 8.7 line logger] writes become whole lines, however they are cut, and the rest comes at the end", async () => {
  const lines: string[] = [];
  const writes = ["", "a", "b\n", "c\nd", "e\nf\ng", "h", "", "\n", "i\n", "j"];
  const script = writes.map((write) => `printf '${write.replaceAll("\n", "\\n")}'`).join("; ");
  await hostProcesses.run(sh(script), { onLine: (line) => lines.push(line) });
  expect(lines).toEqual(["ab", "c", "de", "f", "gh", "i", "j"]);
});

test("[threat built-environment] the environment is built, not inherited", async () => {
  process.env["LEAKED"] = "yes";
  const { stdout } = await hostProcesses.run(["/usr/bin/env"], { environment: { GIVEN: "1" } });
  delete process.env["LEAKED"];
  expect(stdout.trim().split("\n").sort()).toEqual([
    "GIVEN=1",
    "LANG=C.UTF-8",
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  ]);
});

test("what cannot be started and what dies by a signal is told as -1 and why", async () => {
  expect(await hostProcesses.run(["/not/there"])).toMatchObject({ exitCode: -1, failure: expect.any(String) });
  expect(await hostProcesses.run(sh("kill -9 $$"))).toMatchObject({ exitCode: -1, failure: "ended by SIGKILL" });
});

test("at its limit a program ends with all that it started, even deaf to SIGTERM", async () => {
  const result = await hostProcesses.run(sh("trap '' TERM; sleep 1000 & echo $!; wait"), { timeoutMs: 2000 });
  expect(result).toMatchObject({ exitCode: -1, timedOut: true });
  const grandchild = Number(result.stdout.trim());
  expect(grandchild).toBeGreaterThan(1);
  while (isRunning(grandchild)) await Bun.sleep(5);
});

/** A zombie that nobody has reaped yet has ended all the same. */
function isRunning(pid: number): boolean {
  const status = existsSync(`/proc/${pid}/status`) ? readFileSync(`/proc/${pid}/status`, "utf8") : "State:\tZ";
  return !/State:\s+[ZX]/.test(status);
}

test("an abort ends the program", async () => {
  const abort = new AbortController();
  const running = hostProcesses.run(sh("echo up; sleep 1000"), { signal: abort.signal, onLine: () => abort.abort() });
  expect(await running).toMatchObject({ exitCode: -1, failure: "ended by SIGTERM" });
});

test("a daemon that keeps the pipe open does not hold us", async () => {
  const result = await hostProcesses.run(sh("setsid sleep 20 & echo gone"));
  expect(result).toMatchObject({ exitCode: 0, stdout: "gone\n" });
});

test("programs are found in the folders of the system only", () => {
  expect(hostProcesses.find("sh")).toMatch(/^\/(usr\/)?bin\/sh$/);
  expect(hostProcesses.find("no-such-program")).toBeUndefined();
});

test("a program that prints without end ends at its limit all the same, and what is kept is bounded", async () => {
  let lines = 0;
  const result = await hostProcesses.run(["/usr/bin/yes"], { timeoutMs: 500, onLine: () => (lines += 1) });
  expect(result).toMatchObject({ exitCode: -1, timedOut: true });
  expect(result.stdout.length).toBeLessThan(2 << 20);
  expect(lines).toBeLessThan(2 << 20);
});
