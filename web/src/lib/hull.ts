/** Fields for the village plan: patches of ground around the places of each group. Pure geometry in the plan's units. */
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

/** Places that lie within `reach` of each other, by way of others too, belong together. The largest patch comes first. */
export function clusters(points: readonly Spot[], reach: number): Spot[][] {
  const left = [...points]
  const found: Spot[][] = []
  while (left.length > 0) {
    const patch: Spot[] = [left.pop()!]
    for (let i = 0; i < patch.length; i += 1) {
      for (let j = left.length - 1; j >= 0; j -= 1) {
        const [a, b] = [patch[i]!, left[j]!]
        if (Math.hypot(a[0] - b[0], a[1] - b[1]) <= reach) patch.push(...left.splice(j, 1))
      }
    }
    found.push(patch)
  }
  return found.sort((a, b) => b.length - a.length)
}

/** A closed path around `points`, `margin` away from them, round where it turns. */
export function softPatch(points: readonly Spot[], margin: number): string {
  const steps = 28
  const around = points.flatMap((p): Spot[] =>
    Array.from({ length: steps }, (_, i) => {
      const angle = (i / steps) * Math.PI * 2
      return [p[0] + Math.cos(angle) * margin, p[1] + Math.sin(angle) * margin] as const
    }),
  )
  const hull = convexHull(around)
  if (hull.length < 3) return ''
  return `M${hull.map((p) => `${p[0].toFixed(1)} ${p[1].toFixed(1)}`).join('L')}Z`
}
