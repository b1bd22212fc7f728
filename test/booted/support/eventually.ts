const PATIENCE_MS = 45_000;
const POLL_MS = 20;

/** What `look` finds, as soon as it is neither undefined nor false; fails with `what` when that takes too long. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  while (true) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await Bun.sleep(POLL_MS);
  }
}
