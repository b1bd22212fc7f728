import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ReleasePlan } from "./release-plan.ts";

/** The list of all digests, as `sha256sum --check` reads it. */
export const SUMS = "SHA256SUMS";

/** Writes `<name>.sha256` for each file in the folder, in the format of sha256sum as upstream has it, and the list of all. */
export async function writeDigests({ folder }: Pick<ReleasePlan, "folder">): Promise<void> {
  const digests = new Map<string, string>();
  for (const name of readdirSync(folder).sort()) digests.set(name, await digestOf(join(folder, name)));
  for (const [name, digest] of digests) await Bun.write(join(folder, `${name}.sha256`), line(name, digest));
  await Bun.write(join(folder, SUMS), [...digests].map(([name, digest]) => line(name, digest)).join(""));
}

/** Lets `sha256sum` compare each file with its own list and with that of all; fails too for a file that a list leaves out. */
export async function verifyDigests({ folder }: Pick<ReleasePlan, "folder">): Promise<void> {
  const names = readdirSync(folder).filter((name) => name !== SUMS && !name.endsWith(".sha256"));
  const listed = readSums(folder);
  const missing = names.find((name) => !listed.has(name));
  if (missing !== undefined) throw new Error(`\`${missing}\` is not in \`${SUMS}\``);
  const argv = ["sha256sum", "--check", "--strict", "--quiet", SUMS, ...names.map((name) => `${name}.sha256`)];
  const child = Bun.spawn(argv, { cwd: folder, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (exitCode !== 0) throw new Error(`the digests are not those of the files:\n${stdout}${stderr}`);
}

/** The digests that the list of all has, in hex, by name. */
export function readSums(folder: string): Map<string, string> {
  const lines = readFileSync(join(folder, SUMS), "utf8").trimEnd().split("\n");
  return new Map(lines.map((text) => [text.slice(66), text.slice(0, 64)]));
}

/** The SHA-256 of a file, in hex. */
export async function digestOf(path: string): Promise<string> {
  const hash = new Bun.CryptoHasher("sha256");
  for await (const chunk of Bun.file(path).stream()) hash.update(chunk);
  return hash.digest("hex");
}

function line(name: string, digest: string): string {
  return `${digest}  ${name}\n`;
}
