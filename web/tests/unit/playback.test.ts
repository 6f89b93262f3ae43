import { describe, expect, it } from 'vitest'
import type { RecordingItem } from '@/api/recordings'
import { csv, matches, ordered, rowOf } from '@/lib/devices'
import { bytes } from '@/lib/format'
import type { Camera } from '@/api/client'
import { dayOf, isDay, shifted } from '@/playback/day'
import {
  bandsOf,
  lastFootage,
  lengthOf,
  nextFootage,
  pieceAfter,
  pieceAt,
  piecesOf,
  stopAfter,
  stopBefore,
  stopsOf,
  ticksOf,
  total,
  within,
  zoomed,
} from '@/playback/line'

const T0 = Date.parse('2026-05-01T00:00:00Z')
const item = (from: number, to: number, reason: RecordingItem['reason'] = 'continuous'): RecordingItem => ({
  id: `${from}-${to}`,
  camera_id: 'gate',
  role: 'main',
  reason,
  started_at: new Date(T0 + from * 1000).toISOString(),
  ended_at: new Date(T0 + to * 1000).toISOString(),
  size_bytes: 1,
  codec: 'h264',
  width: 640,
  height: 360,
  sha256: '',
  url: `/api/recordings/${from}/video`,
  playable: true,
})
const s = (seconds: number) => T0 + seconds * 1000
// two minutes without a gap, a gap of a minute, an event within a longer file of motion
const pieces = piecesOf([item(60, 120), item(0, 60), item(180, 240), item(300, 400, 'motion'), item(320, 340, 'event')])

describe('which file shows a moment', () => {
  it.each([
    [0, '0-60'],
    [59.9, '0-60'],
    [60, '60-120'],
    [120, null],
    [-1, null],
    [330, '320-340'],
    [350, '300-400'],
    [400, null],
  ])('%s s: %s', (at, id) => {
    expect(pieceAt(pieces, s(at))?.id ?? null).toBe(id)
  })

  it('knows what comes next: over a border, over a gap, and after a shorter file within a longer one', () => {
    const next = (id: string) =>
      pieceAfter(
        pieces,
        pieces.find((p) => p.id === id)!,
      )?.id ?? null
    expect([next('0-60'), next('60-120'), next('320-340'), next('300-400')]).toEqual([
      '60-120',
      '180-240',
      '300-400',
      null,
    ])
  })

  it('finds the next picture, and the last', () => {
    expect([nextFootage(pieces, s(30)), nextFootage(pieces, s(130)), nextFootage(pieces, s(500))]).toEqual([
      s(30),
      s(180),
      null,
    ])
    expect([lastFootage(pieces, s(130)), lastFootage(pieces, s(-5))]).toEqual([s(120) - 100, null])
  })

  it('counts a second once that two files show', () => {
    expect(total(pieces)).toBe((120 + 60 + 100) * 1000)
  })
})

describe('the strip', () => {
  it('joins files that follow each other, and shows gaps', () => {
    expect(bandsOf(pieces).map((b) => [(b.start - T0) / 1000, (b.end - T0) / 1000, b.reason])).toEqual([
      [0, 120, 'continuous'],
      [180, 240, 'continuous'],
      [300, 400, 'motion'],
      [320, 340, 'event'],
    ])
  })

  it('zooms around a moment that stays where it is, and never leaves the day', () => {
    const day = { from: 0, to: 86_400_000 }
    const view = zoomed(day, 43_200_000, 0.5, day)
    expect(view).toEqual({ from: 21_600_000, to: 64_800_000 })
    expect(zoomed(view, 64_800_000, 1e-9, day).to - zoomed(view, 64_800_000, 1e-9, day).from).toBe(20_000)
    expect(zoomed(view, 64_800_000, 99, day)).toEqual(day)
    expect(within({ from: -5000, to: 95_000 }, day)).toEqual({ from: 0, to: 100_000 })
  })

  it.each([
    [86_400_000, 1500],
    [3_600_000, 900],
    [20_000, 1200],
    [86_400_000, 320],
  ])('labels %s ms on %s px without crowding', (span, width) => {
    const { major, minor, stepMs } = ticksOf({ from: s(0), to: s(0) + span }, width, s(0))
    expect(major.length).toBeGreaterThan(1)
    expect((stepMs / span) * width).toBeGreaterThanOrEqual(80)
    expect(minor.every((m) => !major.includes(m))).toBe(true)
  })

  it('stops at alerts and motion, those that are close once', () => {
    const mark = {
      id: 'a',
      incidentId: 'i',
      cameraId: 'gate',
      kind: 'fire' as const,
      state: 'new',
      at: s(323),
      raised: s(325),
    }
    const stops = stopsOf(bandsOf(pieces), [mark])
    expect(stops).toEqual([s(300), s(320)])
    expect([stopAfter(stops, s(0)), stopAfter(stops, s(300)), stopAfter(stops, s(320))]).toEqual([s(300), s(320), null])
    expect([stopBefore(stops, s(321)), stopBefore(stops, s(330)), stopBefore(stops, s(300))]).toEqual([
      s(300),
      s(320),
      null,
    ])
  })

  it.each([
    [0, '0:00'],
    [62_400, '1:02'],
    [3_723_000, '1:02:03'],
  ])('says %s ms as %s', (ms, words) => expect(lengthOf(ms)).toBe(words))
})

describe('a day', () => {
  it.each([
    ['2026-11-25', 'Asia/Shanghai', '2026-11-24T16:00:00.000Z', 24],
    ['2026-03-29', 'Europe/Berlin', '2026-03-28T23:00:00.000Z', 23],
    ['2026-10-25', 'Europe/Berlin', '2026-10-24T22:00:00.000Z', 25],
    ['2026-05-01', 'Pacific/Kiritimati', '2026-04-30T10:00:00.000Z', 24],
    ['2026-05-01', 'Pacific/Pago_Pago', '2026-05-01T11:00:00.000Z', 24],
  ])('%s in %s begins at %s and has %s hours', (key, zone, begin, hours) => {
    const day = dayOf(key, zone)
    expect(new Date(day.from).toISOString()).toBe(begin)
    expect((day.to - day.from) / 3_600_000).toBe(hours)
  })

  it('is counted on and back over months', () => {
    expect([shifted('2026-03-01', -1), shifted('2026-12-31', 1)]).toEqual(['2026-02-28', '2027-01-01'])
    expect([isDay('2026-02-30'), isDay('tomorrow'), isDay('2026-02-28'), isDay(undefined)]).toEqual([
      false,
      false,
      true,
      false,
    ])
  })
})

describe('the table of devices', () => {
  const camera = (id: string, fps: number | null, cause = 'online'): Camera =>
    ({
      id,
      name: { zh: id, en: id },
      group: 'g',
      state: cause === 'online' ? 'online' : 'offline',
      reason: { zh: '', en: cause },
      looks_per_second: 0,
      recording: null,
      streams: fps === null ? [] : [
        {
          role: 'sub', state: 'online', since: null, cause, reason: { zh: '', en: cause }, codec: 'h264', width: 640, height: 360,
          frames_per_second: fps, bits_per_second: 1, gop_seconds: 2, last_picture_at: null, reconnects: 3,
          failures: { silent: 1, refused: 2, dns: 0 }, frames_shed: 0, ring_bytes: 0, viewers: 0,
        },
      ],
    }) as unknown as Camera // prettier-ignore
  const rows = [camera('gate-10', 5), camera('gate-9', 10), camera('pond', null)].map((c) =>
    rowOf(c, 'sub', null, (text) => text.en, 'Gates'),
  )

  it('orders names as people count, and what is not known last either way', () => {
    const ids = (column: 'name' | 'fps', down: boolean) => ordered(rows, { column, down }, 'en').map((r) => r.id)
    expect(ids('name', false)).toEqual(['gate-9', 'gate-10', 'pond'])
    expect(ids('fps', false)).toEqual(['gate-10', 'gate-9', 'pond'])
    expect(ids('fps', true)).toEqual(['gate-9', 'gate-10', 'pond'])
  })

  it('finds every word, in any column', () => {
    expect(rows.filter((r) => matches(r, ' GATES  10')).map((r) => r.id)).toEqual(['gate-10'])
  })

  it('names causes, the most frequent first', () => {
    expect(rows[0]!.failures).toEqual([
      ['refused', 2],
      ['silent', 1],
    ])
  })

  it('writes a file that Excel reads, and in which no cell is a formula', () => {
    expect(csv([['a,b', 'say "x"', 1.5, null, '=1+1', '余东']])).toBe('\uFEFF"a,b","say ""x""",1.5,,\'=1+1,余东\r\n')
  })
})

describe('bytes', () => {
  it.each([
    [0, '0 B'],
    [1234, '1.2 kB'],
    [123_400_000, '123 MB'],
    [4_700_000_000, '4.7 GB'],
  ])('%s: %s', (count, words) => expect(bytes(count)).toBe(words))
})
