import { expect, test } from "bun:test";

/** The command, with what keeps it from beginning. */
async function refusal(...args: string[]): Promise<string> {
  const child = Bun.spawn([process.execPath, "scripts/release.ts", ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  expect([await child.exited, stdout]).toEqual([1, ""]);
  return stderr;
}

test.each([
  [
    [],
    "release: give `--sign KEY`, as whoever installs a release must be able to tell whose it is: make a key" +
      " with `teleport-update mirror keygen --to FILE`, and publish `FILE.pub`\n",
  ],
  [["--allow-dirty", "--only", "amd64-musl"], "release: unknown variants: amd64-musl\n"],
  [["--allow-dirty", "--skip", "verify", "--skip", "nothing"], "release: unknown steps: nothing\n"],
  [["--allow-dirty", "--sign", "/nonexistent/key"], "release: the signing key `/nonexistent/key` does not exist\n"],
  [
    ["--allow-dirty", "--place", "http://example.com", "--skip", "nothing"],
    "release: the install script cannot be made: `http://example.com` is no https URL without user name, query and fragment\n",
  ],
])("%p is refused before anything is made", async (args, said) => expect(await refusal(...args)).toBe(said));
