import { expect, test } from "bun:test";
import { inParallel } from "../../src/mirror/in-parallel.ts";

test("so many run at a time, and all in the end", async () => {
  let running = 0;
  const most: number[] = [];
  const done: number[] = [];
  await inParallel([1, 2, 3, 4, 5], 2, async (item) => {
    running += 1;
    most.push(running);
    await Promise.resolve();
    running -= 1;
    done.push(item);
  });
  expect([Math.max(...most), done]).toEqual([2, [1, 2, 3, 4, 5]]);
});

test("after a failure none is begun, and those that run are awaited", async () => {
  const begun: number[] = [];
  let isDone = false;
  const working = inParallel([1, 2, 3, 4], 2, async (item) => {
    begun.push(item);
    if (item === 1) throw new Error("the first");
    await Promise.resolve();
    isDone = true;
  });
  await expect(working).rejects.toThrow("the first");
  expect([begun, isDone]).toEqual([[1, 2], true]);
});
