import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { resolveInRoot } from "../../src/platform/root-path.ts";

const root = mkdtempSync(join(tmpdir(), "root-path-"));
afterAll(() => rmSync(root, { recursive: true }));

mkdirSync(join(root, "usr/lib"), { recursive: true });
mkdirSync(join(root, "etc"));
symlinkSync("usr/lib", join(root, "lib"));
symlinkSync("/etc", join(root, "opt"));
symlinkSync("../../../../../../etc", join(root, "usr/up"));
symlinkSync("/etc", join(root, "usr/lib/absolute"));
symlinkSync("/loop-b", join(root, "loop-a"));
symlinkSync("/loop-a", join(root, "loop-b"));

test.each([
  ["/lib/systemd/x", "parents", "usr/lib/systemd/x"],
  ["/lib", "parents", "lib"],
  ["/lib", "all", "usr/lib"],
  ["/opt/teleport", "parents", "etc/teleport"],
  ["/usr/up/passwd", "parents", "etc/passwd"],
  ["/lib/absolute/passwd", "parents", "etc/passwd"],
  ["/../../etc/shadow", "all", "etc/shadow"],
  ["/missing/a/../b", "all", "missing/b"],
] as const)("[threat root-confined] %s with %s followed lies at %s", (path, follow, expected) => {
  expect(resolveInRoot(root, path, follow)).toBe(join(root, expected));
});

test("[threat root-confined] a loop of links ends in an error", () => {
  expect(() => resolveInRoot(root, "/loop-a/x", "all")).toThrow("too many links");
});

test("[threat root-confined] no path leads out of the root", () => {
  const name = fc.constantFrom("..", ".", "lib", "opt", "usr", "up", "etc", "x", "");
  fc.assert(
    fc.property(fc.array(name, { maxLength: 12 }), (names) => {
      const at = resolveInRoot(root, `/${names.join("/")}`, "all");
      expect(at === root || at.startsWith(`${root}/`)).toBe(true);
    }),
  );
});
