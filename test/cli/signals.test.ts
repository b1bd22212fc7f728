import { expect, test } from "bun:test";
import { join } from "node:path";

const FIXTURE = join(import.meta.dir, "../fixtures/cli/wait-for-interrupt.ts");

test.each([
  ["SIGINT", "SIGINT", 130],
  ["SIGTERM", "SIGTERM", 143],
  ["SIGTERM", "SIGINT", 130],
] as const)(
  "%s fires the signal, the next one is answered with patience, then %s ends the program with %d",
  async (first, second, exitCode) => {
    await using child = Bun.spawn([process.execPath, FIXTURE], { stdout: "pipe", stderr: "pipe" });
    const said = lines(child.stdout);
    expect(await said.next()).toMatchObject({ value: "ready" });
    child.kill(first);
    expect(await said.next()).toMatchObject({ value: "aborted" });
    child.kill(first);
    expect(await lines(child.stderr).next()).toMatchObject({
      value: expect.stringContaining("Still putting the host back"),
    });
    expect(child.exitCode).toBeNull();
    child.kill(second);
    expect(await child.exited).toBe(exitCode);
  },
);

async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of stream) {
    const parts = (rest + new TextDecoder().decode(chunk)).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
}
