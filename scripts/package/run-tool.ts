import type { PackagePlan } from "./plan.ts";

/** Runs a program with the time of the commit as its own, and fails with all that it said when it does. */
export async function runTool(argv: readonly string[], { date }: Pick<PackagePlan, "date">): Promise<void> {
  const environment = {
    PATH: process.env["PATH"],
    LC_ALL: "C",
    TZ: "UTC",
    SOURCE_DATE_EPOCH: String(date.getTime() / 1000),
    // More threads cut the data at other places.
    DPKG_DEB_THREADS_MAX: "1",
  };
  const child = Bun.spawn([...argv], { env: environment, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (exitCode !== 0) throw new Error(`\`${argv.join(" ")}\` exited ${exitCode}:\n${stdout}${stderr}`);
}
