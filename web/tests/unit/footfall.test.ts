import { describe, expect, it } from 'vitest'
import type { DayFigures } from '@/api/footfall'
import { barsOf, change, compact, daysIn, niceTop, plusDays, presetSpan, runs, weekdayNames } from '@/footfall/figures'

function day(n: number, people: number | null, kind: DayFigures['kind'] = 'workday'): DayFigures {
  return {
    day: plusDays('2026-09-28', n),
    kind,
    festival: kind === 'holiday' ? { zh: '国庆节', en: 'National Day' } : null,
    provisional: false,
    people,
    people_out: people,
    people_estimated: 0,
    vehicles: 10,
    observed_share: people === null ? 0 : 1,
  }
}

describe('figures of footfall', () => {
  it('draws a gap for a day that nobody observed, never a zero', () => {
    const bars = barsOf([day(0, 12), day(1, null), day(2, 0)], 'people', '2026-12-01')
    expect(bars.map((b) => b.value)).toEqual([12, null, 0])
    expect(bars.every((b) => !b.coming)).toBe(true)
  })

  it('tells what has not come yet from what was missed', () => {
    expect(barsOf([day(0, 5), day(1, null)], 'people', '2026-09-28').map((b) => b.coming)).toEqual([false, true])
  })

  it('draws a long range by the week, as the mean of the days that were observed', () => {
    const days = Array.from({ length: 210 }, (_, n) => day(n, n < 7 ? (n === 3 ? null : 60) : n < 14 ? null : 7))
    const weeks = barsOf(days, 'people', '2027-12-01')
    expect(weeks).toHaveLength(30)
    expect(weeks.slice(0, 3).map((w) => w.value)).toEqual([60, null, 7])
  })

  it('keeps what is estimated, and how much was observed, in a week too', () => {
    const days = Array.from({ length: 210 }, (_, n) => ({
      ...day(n, 10),
      people_estimated: n === 2 ? 14 : 0,
      observed_share: n === 2 ? 0.3 : 1,
    }))
    const [first, second] = barsOf(days, 'people', '2027-12-01')
    expect([first!.value, first!.estimated, second!.estimated]).toEqual([10, 2, 0])
    expect(first!.share).toBeCloseTo(0.9)
  })

  it('marks a week that holds a holiday', () => {
    const days = Array.from({ length: 210 }, (_, n) => day(n, 5, n === 4 ? 'holiday' : 'workday'))
    expect(
      barsOf(days, 'people', '2027-12-01')
        .map((w) => w.kind)
        .slice(0, 2),
    ).toEqual(['holiday', 'workday'])
  })

  it('breaks a line where nobody looked', () => {
    expect(runs([1, 2, null, null, 3])).toEqual([
      [
        { at: 0, value: 1 },
        { at: 1, value: 2 },
      ],
      [{ at: 4, value: 3 }],
    ])
  })

  it('knows days without a timezone', () => {
    expect(plusDays('2026-02-28', 1)).toBe('2026-03-01')
    expect(daysIn('2026-10-01', '2026-10-07')).toBe(7)
    expect(presetSpan('week', '2026-03-03')).toEqual({ from: '2026-02-25', to: '2026-03-03' })
    expect(presetSpan('thisYear', '2026-03-03').from).toBe('2026-01-01')
    expect(weekdayNames('en')[0]).toBe('Mon')
  })

  it('says nothing about a change that means nothing', () => {
    expect(change(null, 5)).toBeNull()
    expect(change(5, 0)).toBeNull()
    expect(change(150, 100)).toBe('+50%')
    expect(change(80, 100)).toBe('-20%')
  })

  it('rounds scales and figures for people', () => {
    expect([0, 3, 101, 1999].map(niceTop)).toEqual([4, 3.2, 120, 2000])
    expect([null, 1234.4, 2.25].map(compact)).toEqual(['–', '1,234', '2.3'])
  })
})
