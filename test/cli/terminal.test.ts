import { expect, test } from "bun:test";
import { join } from "node:path";

const FIXTURE = join(import.meta.dir, "../fixtures/cli/show-terminal.ts");

/** What the fixture says on a pseudo-terminal, which `script` of util-linux makes. */
async function onTerminal(format: string, environment: Record<string, string>): Promise<string> {
  const command = `stty cols 100; exec "${process.execPath}" "${FIXTURE}" ${format}`;
  const child = Bun.spawn(["script", "-qec", command, "/dev/null"], {
    env: { PATH: "/usr/bin:/bin", ...environment },
    stdin: "ignore",
    stdout: "pipe",
  });
  return (await new Response(child.stdout).text()).trim();
}

test.each([
  ["text", {}, "bar of 100"],
  ["json", {}, "lines"],
  ["text", { NO_COLOR: "1" }, "lines"],
  ["text", { JOURNAL_STREAM: "8:1234" }, "lines"],
])("on a terminal, format %s, variables %j: %s", async (format, environment, expected) => {
  expect(await onTerminal(format, environment)).toBe(expected);
});

test("without a terminal: lines", () => {
  const { stdout } = Bun.spawnSync([process.execPath, FIXTURE, "text"], { env: {} });
  expect(stdout.toString()).toBe("lines\n");
});
