/** Slips of the fingers in a word so short; more of them would find another word by chance. */
const MOST_SLIPS = { short: 1, long: 2 };
const SHORT = 5;

/** The one of `known` that a mistyped word most likely means; undefined when it is like none of them. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const most = word.length < SHORT ? MOST_SLIPS.short : MOST_SLIPS.long;
  const ranked = known.map((one) => ({ one, slips: slipsBetween(word, one) })).sort((a, b) => a.slips - b.slips);
  const [first] = ranked;
  return first !== undefined && first.slips <= most ? first.one : undefined;
}

/** Letters that were left out, added, exchanged for another or for the next one: the optimal string alignment distance. */
function slipsBetween(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, at) => at)];
  const at = (row: number, column: number) => rows[row]?.[column] ?? Number.POSITIVE_INFINITY;
  for (let row = 1; row <= a.length; row += 1) {
    const costs = [row];
    rows.push(costs);
    for (let column = 1; column <= b.length; column += 1) {
      const isSame = a[row - 1] === b[column - 1];
      const isSwapped = row > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      costs.push(
        Math.min(
          at(row - 1, column) + 1,
          at(row, column - 1) + 1,
          at(row - 1, column - 1) + (isSame ? 0 : 1),
          isSwapped ? at(row - 2, column - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
  }
  return at(a.length, b.length);
}
