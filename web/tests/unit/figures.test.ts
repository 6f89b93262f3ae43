import { describe, expect, it } from 'vitest'
import { FlowToday } from '@/lib/flow-today'
import { bestGrid, FIXED, pageCount } from '@/lib/grid'
import { clusters, convexHull, softPatch } from '@/lib/hull'
import { placeLabels } from '@/lib/labels'

const row = (minute: string, into: number, out: number, object_class = 'person' as const, line_id = 'door') => ({
  camera_id: 'gate',
  line_id,
  object_class,
  minute,
  crossed_in: into,
  crossed_out: out,
  observed_seconds: 60,
})

describe('flow of today', () => {
  const book = () => new FlowToday('2026-11-25', 'Asia/Shanghai')

  it('counts a row once however often it is read, the last version of it', () => {
    const flow = book()
    flow.add([row('2026-11-24T17:00:00Z', 3, 1), row('2026-11-24T17:01:00Z', 2, 0)])
    flow.add([row('2026-11-24T17:01:00Z', 4, 1)])
    expect(flow.total('people')).toEqual({ into: 7, out: 2 })
    expect(flow.newest).toBe('2026-11-24T17:01:00Z')
  })

  it('leaves out other days of the site', () => {
    const flow = book()
    flow.add([row('2026-11-24T15:59:00Z', 9, 9), row('2026-11-25T16:00:00Z', 9, 9)])
    expect(flow.observed).toBe(false)
  })

  it('tells an hour that nobody watched from one when nobody came', () => {
    const flow = book()
    flow.add([row('2026-11-24T17:00:00Z', 0, 0), row('2026-11-24T19:00:00Z', 2, 1)])
    expect(flow.hours('people').slice(0, 5)).toEqual([null, 0, null, 3, null])
  })

  it('keeps people and vehicles apart, and lists the busiest lines', () => {
    const flow = book()
    flow.add([
      row('2026-11-24T17:00:00Z', 5, 5),
      { ...row('2026-11-24T17:00:00Z', 2, 9, 'person', 'road'), object_class: 'truck' },
    ])
    expect(flow.total('vehicles')).toEqual({ into: 2, out: 9 })
    expect(flow.busiest(1)).toMatchObject([{ lineId: 'road', vehicles: 11, people: 0 }])
  })
})

describe('the grid of the wall', () => {
  it('fits a wide screen with many tiles and never shrinks them below what can be read', () => {
    const grid = bestGrid(1540, 950, 37)
    expect(grid.columns * grid.rows).toBeGreaterThanOrEqual(9)
    expect(1540 / grid.columns).toBeGreaterThan(280)
  })

  it('makes no empty rows or columns for a few cameras', () => {
    for (let count = 1; count <= 12; count += 1) {
      const { columns, rows } = bestGrid(1540, 950, count)
      expect(columns * rows).toBeGreaterThanOrEqual(Math.min(count, 1))
      if (columns * rows > 1) {
        expect(columns * rows - columns, `${count}`).toBeLessThan(count)
        expect(columns * rows - rows, `${count}`).toBeLessThan(count)
      }
    }
  })

  it('has a page for every camera', () => {
    expect(pageCount(37, FIXED['9']!)).toBe(5)
    expect(pageCount(0, FIXED['9']!)).toBe(1)
    expect(pageCount(36, FIXED['12']!)).toBe(3)
  })
})

describe('the village plan', () => {
  it('wraps a field around its places', () => {
    expect(
      convexHull([
        [0, 0],
        [4, 0],
        [4, 4],
        [0, 4],
        [2, 2],
      ]),
    ).toHaveLength(4)
    expect(softPatch([[10, 10]], 40)).toMatch(/^M.*Z$/)
    expect(softPatch([], 40)).toBe('')
  })

  it('gives a scattered group a field for each place, not one over everybody else', () => {
    const found = clusters(
      [
        [0, 0],
        [100, 0],
        [200, 0],
        [900, 900],
      ],
      120,
    )
    expect(found.map((c) => c.length)).toEqual([3, 1])
    expect(clusters([], 120)).toEqual([])
  })

  it('names marks that stand close without one name over another', () => {
    const marks = [
      { x: 100, y: 100, width: 120 },
      { x: 130, y: 112, width: 120 },
      { x: 90, y: 130, width: 120 },
    ]
    const rects = placeLabels(marks, 17, 24).map((p, i) => {
      const left = p.anchor === 'start' ? p.x : p.anchor === 'end' ? p.x - marks[i]!.width : p.x - marks[i]!.width / 2
      return { left, right: left + marks[i]!.width, top: p.y - 17, bottom: p.y }
    })
    for (let i = 0; i < rects.length; i += 1) {
      for (let j = i + 1; j < rects.length; j += 1) {
        const [a, b] = [rects[i]!, rects[j]!]
        const apart = a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top
        expect(apart, `${i} ${j}`).toBe(true)
      }
    }
  })

  it('keeps a name on the plan where its mark stands at the edge', () => {
    const plan = { left: 0, top: 0, right: 400, bottom: 300 }
    const [atRight, atLeft] = placeLabels(
      [
        { x: 380, y: 100, width: 120 },
        { x: 20, y: 200, width: 120 },
      ],
      17,
      24,
      plan,
    )
    expect(atRight).toMatchObject({ anchor: 'end' })
    expect(atLeft).toMatchObject({ anchor: 'start' })
  })
})
