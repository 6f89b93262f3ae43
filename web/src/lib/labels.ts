/**
 * Where the names of marks go on a plan so that they cover neither each other nor the marks, and stay on it. Pure; greedy,
 * in order.
 */
export interface Mark {
  x: number
  y: number
  width: number
}

export interface Placed {
  x: number
  y: number
  anchor: 'start' | 'middle' | 'end'
}

export interface Rect {
  left: number
  top: number
  right: number
  bottom: number
}

/**
 * `size` is that of the type, `reach` how far a mark extends from its place, `plan` what is on show. The first mark is
 * served first.
 */
export function placeLabels(marks: readonly Mark[], size: number, reach: number, plan?: Rect): Placed[] {
  const taken: Rect[] = marks.map((m) => ({
    left: m.x - reach * 0.8,
    right: m.x + reach * 0.8,
    top: m.y - reach * 0.8,
    bottom: m.y + reach * 0.8,
  }))
  return marks.map((mark) => {
    const choices: Placed[] = [
      { x: mark.x + reach, y: mark.y + size * 0.35, anchor: 'start' },
      { x: mark.x - reach, y: mark.y + size * 0.35, anchor: 'end' },
      { x: mark.x, y: mark.y + reach + size, anchor: 'middle' },
      { x: mark.x, y: mark.y - reach - size * 0.3, anchor: 'middle' },
      { x: mark.x + reach, y: mark.y + reach + size, anchor: 'start' },
      { x: mark.x - reach, y: mark.y + reach + size, anchor: 'end' },
    ]
    let best = choices[0]!
    let least = Infinity
    for (const choice of choices) {
      const text = rectOf(choice, mark.width, size)
      const hidden = plan === undefined ? 0 : area(text) - overlap(plan, text)
      const covered = taken.reduce((sum, r) => sum + overlap(r, text), hidden)
      if (covered < least) {
        least = covered
        best = choice
      }
      if (covered === 0) break
    }
    taken.push(rectOf(best, mark.width, size))
    return best
  })
}

/** About how wide a text is: a Chinese character is square, a Latin one a little over half of that. */
export function textWidth(text: string, size: number): number {
  let width = 0
  for (const c of text) width += c.codePointAt(0)! > 0x2e80 ? size : size * 0.56
  return width
}

function rectOf(at: Placed, width: number, size: number): Rect {
  const left = at.anchor === 'start' ? at.x : at.anchor === 'end' ? at.x - width : at.x - width / 2
  return { left, right: left + width, top: at.y - size, bottom: at.y + size * 0.3 }
}

function area(r: Rect): number {
  return (r.right - r.left) * (r.bottom - r.top)
}

function overlap(a: Rect, b: Rect): number {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left)
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)
  return width > 0 && height > 0 ? width * height : 0
}
