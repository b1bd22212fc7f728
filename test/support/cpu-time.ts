/** How much of a processor `action` takes, in milliseconds: what a busy machine adds to a clock does not count. */
export function cpuTime(action: () => unknown): number {
  const before = process.cpuUsage();
  action();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
