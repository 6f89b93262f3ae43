/** How long to wait before trying again: doubling, bounded, spread so that forty tiles do not knock at once. */
export function backoffMs(attempt: number, random: () => number = Math.random, baseMs = 800, mostMs = 15_000): number {
  const ceiling = Math.min(mostMs, baseMs * 2 ** Math.max(0, attempt))
  return Math.round(ceiling * (0.6 + 0.4 * random()))
}
