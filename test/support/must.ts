/** Runs a program of the test machine and answers its stdout; throws with all that it said when it fails. */
export async function must(argv: readonly string[]): Promise<string> {
  const child = Bun.spawn([...argv], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (exitCode !== 0) throw new Error(`\`${argv.join(" ")}\` exited ${exitCode}:\n${stdout}${stderr}`);
  return stdout;
}
