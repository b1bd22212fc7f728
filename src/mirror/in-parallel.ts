/**
 * Does `work` for each item, at most `count` of them at a time, in order. When one fails, no more are begun, and it is thrown once
 * those that run have ended.
 */
export async function inParallel<T>(
  items: readonly T[],
  count: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = [...items];
  let failure: { error: unknown } | undefined;
  const takeTurns = async () => {
    for (let item = left.shift(); item !== undefined && failure === undefined; item = left.shift()) {
      try {
        await work(item);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(count, items.length) }, takeTurns));
  if (failure !== undefined) throw failure.error;
}
