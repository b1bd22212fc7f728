import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { executablePath } from "../support/executable.ts";

const COMMAND = /^# (.+)\n\$ (.+)\n= exit code (\d+): (.+)$/gm;

let lab: Bun.Subprocess<"ignore", "pipe", "inherit">;
let said = "";
let folder = "";
beforeAll(async () => {
  await executablePath();
  lab = Bun.spawn([process.execPath, "scripts/lab.ts"], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  const decoder = new TextDecoder();
  for await (const chunk of lab.stdout.values({ preventCancel: true })) {
    said += decoder.decode(chunk, { stream: true });
    if (said.includes("Ctrl-C ends all of it.")) break;
  }
  folder = /^\$ cd (\S+)$/m.exec(said)?.[1] ?? "";
}, 120_000);
afterAll(() => lab.kill("SIGKILL"));

test("every command that the lab prints shows what it promises, and nothing is left at its end", async () => {
  const commands = [...said.matchAll(COMMAND)];
  expect(commands.length).toBeGreaterThan(25);
  for (const [, about, command = "", exitCode, shows = ""] of commands) {
    const child = Bun.spawn(["sh", "-c", `${command} 2>&1`], {
      cwd: folder,
      env: { PATH: "/usr/bin:/bin" },
      stdin: "ignore",
      stdout: "pipe",
    });
    const output = await child.stdout.text();
    const outcome = { about, exitCode: await child.exited, output };
    expect(outcome).toEqual({ about, exitCode: Number(exitCode), output: expect.stringContaining(shows) });
  }
  lab.kill("SIGINT");
  expect(await lab.exited).toBe(0);
  expect(existsSync(folder)).toBe(false);
}, 240_000);
