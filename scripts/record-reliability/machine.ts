import { release, totalmem } from "node:os";

/** The day, the tree and the machine, in one line. `besides` is a file whose changes do not count. */
export function describeCircumstances(besides: string): string {
  const day = new Date().toISOString().slice(0, 10);
  const kernel = /^[\d.]+/.exec(release())?.[0] ?? release();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GB of memory`;
  return `${day}, ${describeTree(besides)}, ${navigator.hardwareConcurrency} cores, ${memory}, Linux ${kernel}`;
}

function describeTree(besides: string): string {
  const commit = git("rev-parse", "--short=12", "HEAD");
  if (commit === undefined) return "no commit";
  const changes = git("status", "--porcelain", "--", ".", `:(exclude)${besides}`);
  return `commit ${commit}${changes === "" ? "" : " with uncommitted changes"}`;
}

function git(...args: string[]): string | undefined {
  const { exitCode, stdout } = Bun.spawnSync(["git", ...args], { stderr: "ignore" });
  return exitCode === 0 ? stdout.toString().trim() : undefined;
}
