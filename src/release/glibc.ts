/** The numbers of `2.34`, or undefined for any other text, as the names of private symbol versions are. */
function parse(version: string): number[] | undefined {
  return /^\d{1,4}(\.\d{1,4}){1,2}$/.test(version) ? version.split(".").map(Number) : undefined;
}

/** Whether glibc `a` is newer than `b`. A text that is no version is newer than nothing, and nothing is newer than it. */
export function isNewerGlibc(a: string, b: string): boolean {
  const [left, right] = [parse(a), parse(b)];
  if (left === undefined || right === undefined) return false;
  const differing = [0, 1, 2].find((index) => (left[index] ?? 0) !== (right[index] ?? 0));
  return differing !== undefined && (left[differing] ?? 0) > (right[differing] ?? 0);
}

let known: string | false | undefined;

/**
 * The glibc that this process runs on, or undefined where it cannot be told. Read from the runtime's report: 0.3 ms, no
 * other program, and right in a compiled executable, which is linked to the host's own glibc.
 */
export function hostGlibc(): string | undefined {
  known ??= fromReport() ?? false;
  return known || undefined;
}

function fromReport(): string | undefined {
  const report: unknown = process.report?.getReport();
  if (typeof report !== "object" || report === null || !("header" in report)) return undefined;
  const { header } = report;
  if (typeof header !== "object" || header === null || !("glibcVersionRuntime" in header)) return undefined;
  const version = header.glibcVersionRuntime;
  return typeof version === "string" && parse(version) !== undefined ? version : undefined;
}
