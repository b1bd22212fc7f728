/** What a part of the record tells about one run of one command. */
export interface RecordedRun {
  command: string;
  /** On what: day, commit, machine. */
  circumstances: string;
  exitCode: number;
  seconds: number;
  /** Its output, without what differs for no reason. */
  lines: readonly string[];
}

/** The part as it stands in the page: a shell's view of the run. */
export function formatRecord({ command, circumstances, exitCode, seconds, lines }: RecordedRun): string {
  const outcome = `exit code ${exitCode} after ${formatDuration(seconds)}`;
  return ["```text", `$ ${command}`, `# ${circumstances}`, `# ${outcome}`, ...lines, "```"].join("\n");
}

/** The page with another record in the place that is marked for `part`. Fails when it has no such place. */
export function replaceRecord(page: string, part: string, record: string): string {
  const [begin, end] = [`<!-- record of ${part} -->\n`, `\n<!-- end of ${part} -->`];
  const from = page.indexOf(begin) + begin.length;
  const to = page.indexOf(end, from - 1);
  if (from < begin.length || to < 0) throw new Error(`the page has no place for the record of \`${part}\``);
  return `${page.slice(0, from)}\n${record}\n${page.slice(to)}`;
}

function formatDuration(seconds: number): string {
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
