import { describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BadKind, type Compiler, defaultCompiler, writeStandIn } from "./stand-ins.ts";

/** Where there is no C compiler, both rows of a table would be the same. */
const COMPILERS: Compiler[] = defaultCompiler() === "cc" ? ["cc", "bun"] : ["bun"];

describe.each(COMPILERS)("the agent made by %s", (compiler) => {
  test("starts as its unit starts it: PID file, lock, socket, one line", async () => {
    await using host = await standInHost({ compiler });
    const agent = await host.startAgent();

    expect(agent.firstLine).toBe(`teleport 18.1.0 started, pid ${agent.process.pid}`);
    expect(host.pid()).toBe(agent.process.pid);
    expect(isLocked(host.pidFile)).toBeTrue();
    expect(await host.ready()).toEqual({ status: 200, body: { status: "ok", pid: agent.process.pid } });
    expect((await fetch("http://debug/other", { unix: host.socket })).status).toBe(404);

    agent.process.kill("SIGTERM");
    expect(await agent.process.exited).toBe(0);
    expect(isLocked(host.pidFile)).toBeFalse();
  });

  test("gives way on a reload to the version that its path now leads to", async () => {
    await using host = await standInHost({ compiler });
    const agent = await host.startAgent();
    await host.install("18.2.0");

    // The very command of the unit's ExecReload.
    expect(Bun.spawnSync(["pkill", "-HUP", "-L", "-F", host.pidFile]).exitCode).toBe(0);
    const line = await agent.nextLine();

    expect(await agent.process.exited).toBe(0);
    expect(host.pid()).not.toBe(agent.process.pid);
    expect(line).toBe(`teleport 18.2.0 started, pid ${host.pid()}`);
    expect(isLocked(host.pidFile)).toBeTrue();
    expect(await host.ready()).toEqual({ status: 200, body: { status: "ok", pid: host.pid() } });
    expect(readdirSync(host.folder).filter((name) => /\.(pid|sock)\./.test(name))).toEqual([]);

    process.kill(host.pid(), "SIGTERM");
    expect(await agent.nextLine()).toBeUndefined();
    expect(isLocked(host.pidFile)).toBeFalse();
  });

  test("keeps running when the new version ends at once", async () => {
    await using host = await standInHost({ compiler });
    const agent = await host.startAgent();
    await host.install("18.2.0", "exits-at-once");

    agent.process.kill("SIGHUP");
    expect(await agent.nextError()).toBe("ERROR: teleport 18.2.0 exits at once");
    expect(await host.ready()).toEqual({ status: 200, body: { status: "ok", pid: agent.process.pid } });
    expect(host.pid()).toBe(agent.process.pid);
  });

  test("exits-at-once ends with 1, but tells its version", async () => {
    await using host = await standInHost({ compiler, behaviour: "exits-at-once" });
    expect(Bun.spawnSync([host.agent, "version"]).exitCode).toBe(0);
    expect(Bun.spawnSync([host.agent, ...host.arguments], { stderr: "ignore" }).exitCode).toBe(1);
  });

  test("crash-loops becomes ready, and dies by a signal", async () => {
    await using host = await standInHost({ compiler, behaviour: "crash-loops" });
    const agent = await host.startAgent();
    expect((await host.ready()).status).toBe(200);
    await agent.process.exited;
    expect(agent.process.signalCode).toBe("SIGALRM");
  });

  test("never-ready answers 503 and its PID", async () => {
    await using host = await standInHost({ compiler, behaviour: "never-ready" });
    const agent = await host.startAgent();
    expect(await host.ready()).toEqual({ status: 503, body: { status: "starting", pid: agent.process.pid } });
  });

  test("deaf-to-hup goes on under its PID", async () => {
    await using host = await standInHost({ compiler, behaviour: "deaf-to-hup" });
    const agent = await host.startAgent();
    agent.process.kill("SIGHUP");
    expect(await agent.nextError()).toBe("teleport 18.1.0 hears no hangup");
    expect(await host.ready()).toEqual({ status: 200, body: { status: "ok", pid: agent.process.pid } });
  });
});

test.each(COMPILERS)("the bot made by %s starts as its unit starts it, and stays on SIGHUP", async (compiler) => {
  await using host = await standInHost({ compiler });
  await writeStandIn(join(host.folder, "tbot"), { source: "bot", version: "18.1.0", compiler });
  const bot = await host.start("tbot", [
    ...["start", "-c", join(host.folder, "tbot.yaml")],
    ...[`--diag-socket-for-updater=${host.socket}`, `--pid-file=${host.pidFile}`],
  ]);
  expect(bot.firstLine).toBe(`tbot 18.1.0 started, pid ${bot.process.pid}`);
  bot.process.kill("SIGHUP");
  expect(await bot.nextError()).toBe("tbot 18.1.0 stays as it is on hangup");
  expect(await host.ready()).toEqual({ status: 200, body: { status: "ok", pid: bot.process.pid } });
  expect(isLocked(host.pidFile)).toBeTrue();
});

test("wrong-architecture does not start, and has the machine of the other architecture", async () => {
  await using host = await standInHost({ behaviour: "wrong-architecture" });
  const { exitCode, stderr } = Bun.spawnSync(["sh", "-c", `${host.agent} version`], { stderr: "pipe" });
  expect(exitCode).toBe(126);
  expect(stderr.toString()).toContain("Exec format error");
  expect(readFileSync(host.agent).readUInt16LE(18)).toBe(process.arch === "arm64" ? 62 : 183);
});

test("needs-newer-glibc does not start, and the loader says why", async () => {
  await using host = await standInHost({ behaviour: "needs-newer-glibc" });
  const { exitCode, stderr } = Bun.spawnSync([host.agent, "version"], { stderr: "pipe" });
  expect(exitCode).toBe(1);
  expect(stderr.toString()).toContain("version `GLIBC_2.99' not found");
});

/** A folder with a config, an agent of 18.1.0 and a link `teleport` to it, as a host has them. */
async function standInHost({ compiler, behaviour }: { compiler?: Compiler; behaviour?: BadKind }) {
  const folder = mkdtempSync(join(tmpdir(), "stand-in-"));
  const config = join(folder, "teleport.yaml");
  const pidFile = join(folder, "teleport.pid");
  const socket = join(folder, "debug.sock");
  const agent = join(folder, "teleport");
  const words = ["start", "--fips", "--config", config, `--pid-file=${pidFile}`];
  writeFileSync(config, `version: v3\nteleport:\n  data_dir: "${folder}"\n`);

  const children: Bun.Subprocess[] = [];
  async function start(name: string, words: string[]) {
    const child = Bun.spawn([join(folder, name), ...words], { stdio: ["ignore", "pipe", "pipe"] });
    children.push(child);
    const nextLine = lines(child.stdout);
    return { process: child, firstLine: await nextLine(), nextLine, nextError: lines(child.stderr) };
  }
  async function install(version: string, behaviour: BadKind | "good" = "good") {
    mkdirSync(join(folder, version));
    await writeStandIn(join(folder, version, "teleport"), { source: "agent", version, behaviour, compiler });
    symlinkSync(join(folder, version, "teleport"), `${agent}.new`);
    renameSync(`${agent}.new`, agent);
  }
  const pid = () => Number(readFileSync(pidFile, "utf8"));

  await install("18.1.0", behaviour);
  return {
    ...{ folder, pidFile, socket, agent, arguments: words, pid, install, start },
    startAgent: () => start("teleport", words),
    async ready() {
      const response = await fetch("http://debug/readyz", { unix: socket });
      return { status: response.status, body: await response.json() };
    },
    async [Symbol.asyncDispose]() {
      for (const child of children) child.kill("SIGKILL");
      await Promise.all(children.map((child) => child.exited));
      // Whoever still holds the lock is a successor.
      if (existsSync(pidFile) && isLocked(pidFile)) process.kill(pid(), "SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Answers the next line at each call, and undefined once all that write to the pipe have ended. */
function lines(stream: ReadableStream<Uint8Array>): () => Promise<string | undefined> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = "";
  return async () => {
    while (!text.includes("\n")) {
      const { value, done } = await reader.read();
      if (done) return undefined;
      text += decoder.decode(value, { stream: true });
    }
    const line = text.slice(0, text.indexOf("\n"));
    text = text.slice(line.length + 1);
    return line;
  };
}

function isLocked(path: string): boolean {
  return Bun.spawnSync(["flock", "-n", "-E", "75", path, "true"]).exitCode === 75;
}
