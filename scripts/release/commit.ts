/** When the commit was made, which dates all that is made from it; `SOURCE_DATE_EPOCH` where that is set. */
export async function commitTime(folder = "."): Promise<Date> {
  const seconds = process.env["SOURCE_DATE_EPOCH"] ?? (await git(folder, "log", "-1", "--format=%ct"));
  if (!/^\d+$/.test(seconds)) throw new Error(`\`${seconds}\` is no time in seconds`);
  return new Date(Number(seconds) * 1000);
}

/** The commit as `version` prints it. */
export function commitName(folder = "."): Promise<string> {
  return git(folder, "rev-parse", "--short=12", "HEAD");
}

/**
 * Fails when a file differs from the commit or is not known to it, and names them all: also those that the settings of the user or
 * of the clone hide. `besides` is a file whose changes do not count.
 */
export async function requireCleanTree(folder = ".", besides?: string): Promise<void> {
  const paths = ["--", ".", ...(besides === undefined ? [] : [`:(exclude)${besides}`])];
  const [changed, unknown, marked] = await Promise.all([
    git(folder, ...SHOW_ALL, "status", "--porcelain", "--untracked-files=no", ...paths),
    git(folder, "ls-files", "--others", ...(await ignoredByCommit(folder)), ...paths),
    git(folder, "ls-files", "-v", ...paths),
  ]);
  const differing = [
    ...lines(changed),
    ...lines(unknown).map((path) => `?? ${path}`),
    // In lower case what is assumed to be unchanged, and `S` what is left out of the tree.
    ...lines(marked)
      .flatMap((line) => /^[a-zS] (.*)$/.exec(line)?.[1] ?? [])
      .map((path) => `${path}, which git is told to overlook`),
  ];
  if (differing.length === 0) return;
  throw new Error(`this is done for a commit, and these files differ from it:\n${differing.join("\n")}`);
}

/** What the user has git overlook would be in the release all the same. */
const SHOW_ALL = ["-c", "core.fileMode=true", "-c", "core.fsmonitor=false"];

/** Not `.git/info/exclude`, and no `.gitignore` that may not be known itself. */
async function ignoredByCommit(folder: string): Promise<string[]> {
  const known = await git(folder, "ls-files", "--", ".gitignore");
  return known === "" ? [] : ["--exclude-from=.gitignore"];
}

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

async function git(folder: string, ...args: string[]): Promise<string> {
  const child = Bun.spawn(["git", "-C", folder, ...args], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (exitCode !== 0) throw new Error(`\`git ${args.join(" ")}\` exited ${exitCode}: ${stderr.trim()}`);
  return stdout.trimEnd();
}
