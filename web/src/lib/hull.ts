/** Fields for the village plan: a soft patch of ground around the places of each group. Pure geometry in the plan's units. */
export type Spot = readonly [x: number, y: number]

/** The convex hull, anticlockwise (Andrew's monotone chain). */
export function convexHull(points: readonly Spot[]): Spot[] {
  const sorted = [...points].sort((a, b) => a[0] - b[0] || a[1] - b[1])
  if (sorted.length < 3) return sorted
  const turn = (o: Spot, a: Spot, b: Spot) => (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0])
  const half = (list: Spot[]): Spot[] => {
    const chain: Spot[] = []
    for (const p of list) {
      while (chain.length >= 2 && turn(chain[chain.length - 2]!, chain[chain.length - 1]!, p) <= 0) chain.pop()
      chain.push(p)
    }
    chain.pop()
    return chain
  }
  return [...half(sorted), ...half([...sorted].reverse())]
}

/** A closed smooth path around `points`, `margin` away from them. */
export function softPatch(points: readonly Spot[], margin: number): string {
  const around = points.flatMap((p): Spot[] =>
    Array.from({ length: 18 }, (_, i) => {
      const angle = (i / 18) * Math.PI * 2
      // a little uneven, as a hand would draw it, the same each time
      const reach = margin * (1 + 0.16 * Math.sin(angle * 3 + p[0] * 0.05 + p[1] * 0.03))
      return [p[0] + Math.cos(angle) * reach, p[1] + Math.sin(angle) * reach] as const
    }),
  )
  const hull = convexHull(around)
  if (hull.length < 3) return ''
  const at = (i: number) => hull[(i + hull.length) % hull.length]!
  const n = (v: number) => v.toFixed(1)
  let path = `M${n(at(0)[0])} ${n(at(0)[1])}`
  for (let i = 0; i < hull.length; i += 1) {
    const [before, a, b, after] = [at(i - 1), at(i), at(i + 1), at(i + 2)]
    path += `C${n(a[0] + (b[0] - before[0]) / 6)} ${n(a[1] + (b[1] - before[1]) / 6)} ${n(b[0] - (after[0] - a[0]) / 6)} ${n(b[1] - (after[1] - a[1]) / 6)} ${n(b[0])} ${n(b[1])}`
  }
  return `${path}Z`
}
