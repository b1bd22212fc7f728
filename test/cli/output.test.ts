import { expect, test } from "bun:test";
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const FIXTURE = join(import.meta.dir, "../fixtures/cli/write-a-word.ts");

test("a pipe that another program made non-blocking, and that is full, is waited for", async () => {
  const folder = mkdtempSync(join(tmpdir(), "output-"));
  try {
    const fifo = join(folder, "fifo");
    Bun.spawnSync(["mkfifo", fifo]);
    const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
    const filled = fill(writer);
    await using child = Bun.spawn([process.execPath, FIXTURE, fifo], { stderr: "pipe" });
    for await (const _ of child.stderr) break;
    closeSync(writer);
    const count = Bun.spawn(["wc", "-c", fifo], { stdout: "pipe" });
    expect(await new Response(count.stdout).text()).toStartWith(`${filled + "word\n".length} `);
    expect(await child.exited).toBe(0);
    closeSync(reader);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** Writes until the pipe takes no more; answers how many bytes it took. */
function fill(descriptor: number): number {
  const page = Buffer.alloc(4096);
  for (let filled = 0; ; filled += page.length) {
    try {
      writeSync(descriptor, page);
    } catch {
      return filled;
    }
  }
}
