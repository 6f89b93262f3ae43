import { describe, expect, it } from 'vitest'
import { bitRate, clockTime, dayKey, figure, median, moment, sealDate, span, startOfDay } from '@/lib/format'

const at = (iso: string) => new Date(iso)
const ZONE = 'Asia/Shanghai'

describe('times', () => {
  it('are those of the site, not of the browser', () => {
    expect(clockTime(at('2026-11-24T22:05:09Z'), 'zh', ZONE)).toBe('06:05:09')
    expect(dayKey(at('2026-11-24T16:00:00Z'), ZONE)).toBe('2026-11-25')
    expect(sealDate(at('2026-11-24T16:00:00Z'), ZONE)).toBe('2026.11.25 00:00')
  })

  it('carry their date only when it is not today at the site', () => {
    const now = at('2026-11-24T17:00:00Z')
    expect(moment(at('2026-11-24T16:30:00Z'), now, 'en', ZONE)).toBe('00:30:00')
    expect(moment(at('2026-11-24T15:30:00Z'), now, 'en', ZONE)).toContain('24 Nov')
    expect(moment(at('2026-11-24T15:30:00Z'), now, 'zh', ZONE)).toContain('11月24日')
  })

  it.each([
    ['2026-11-24T22:05:09.500Z', 'Asia/Shanghai', '2026-11-24T16:00:00.000Z'],
    ['2026-11-24T15:59:59Z', 'Asia/Shanghai', '2026-11-23T16:00:00.000Z'],
    ['2026-11-24T16:00:00Z', 'Asia/Shanghai', '2026-11-24T16:00:00.000Z'],
    ['2026-03-29T12:00:00Z', 'Europe/Berlin', '2026-03-28T23:00:00.000Z'],
    ['2026-10-25T12:00:00Z', 'Europe/Berlin', '2026-10-24T22:00:00.000Z'],
    ['2026-11-24T22:05:09Z', 'Asia/Kathmandu', '2026-11-24T18:15:00.000Z'],
  ])('the day of %s in %s began at %s', (now, zone, wanted) => {
    expect(startOfDay(at(now), zone).toISOString()).toBe(wanted)
  })
})

describe('spans', () => {
  it.each([
    [-3, false, { key: 'now' }],
    [4.9, false, { key: 'now' }],
    [0, true, { key: 's', n: 0 }],
    [59, false, { key: 's', n: 59 }],
    [60, false, { key: 'm', n: 1 }],
    [754, true, { key: 'ms', m: 12, s: 34 }],
    [3600, true, { key: 'hm', h: 1, m: 0 }],
    [90_000, false, { key: 'd', n: 1 }],
  ])('%d s (precise: %s)', (seconds, precise, wanted) => {
    expect(span(seconds, precise)).toEqual(wanted)
  })
})

describe('figures', () => {
  it('are short and true', () => {
    expect(bitRate(2_140_000)).toBe('2.1 Mbit/s')
    expect(bitRate(512_000)).toBe('512 kbit/s')
    expect(figure(0.83123)).toBe('0.831')
    expect(figure(17)).toBe('17')
    expect(figure({ fire: 0.8312, smoke: 0.1 })).toBe('fire 0.831 · smoke 0.1')
  })

  it('have no median when there is nothing', () => {
    expect(median([])).toBeNull()
    expect(median([9, 1, 5])).toBe(5)
    expect(median([1, 2, 3, 10])).toBe(2.5)
  })
})
