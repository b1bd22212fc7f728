import { expect, test } from "bun:test";
import { countClients } from "../../src/platform/client-counts.ts";

test("[threat serve-limits] each client has its limit, and all together have theirs", () => {
  const counts = countClients({ all: 3, each: 2 });
  const entered = (address: string) => counts.enter(address) !== undefined;
  expect([entered("192.0.2.1"), entered("192.0.2.1"), entered("192.0.2.1")]).toEqual([true, true, false]);
  expect([entered("192.0.2.2"), entered("192.0.2.3")]).toEqual([true, false]);
});

test("who leaves makes room, once", () => {
  const counts = countClients({ all: 2, each: 2 });
  const [leave] = [counts.enter("192.0.2.1"), counts.enter("192.0.2.1")];
  leave?.();
  leave?.();
  expect([counts.enter("192.0.2.1"), counts.enter("192.0.2.1")]).toEqual([expect.any(Function), undefined]);
});

test.each([
  ["192.0.2.1", "::ffff:192.0.2.1", true],
  ["192.0.2.1", "192.0.2.2", false],
  ["2001:db8::1", "2001:db8:0:0:ffff::2", true],
  ["2001:db8::1", "2001:db8:0:1::1", false],
  ["fe80::1%eth0", "fe80::2%eth0", true],
  ["", "192.0.2.1", false],
])("[threat serve-limits] %j and %j are one client: %p", (first, second, isOne) => {
  const counts = countClients({ all: 2, each: 1 });
  counts.enter(first);
  expect(counts.enter(second) === undefined).toBe(isOne);
});
