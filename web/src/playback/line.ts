/**
 * The line of time of what was recorded: which file shows a moment, what comes next, bands to draw, ticks. Pure.
 *
 * All times are milliseconds since the epoch. Not here: playing (`pane.ts`, `deck.ts`), drawing (`TimelineStrip.vue`).
 */
import type { RecordingItem, RecordingMark } from '@/api/recordings'

export type Reason = RecordingItem['reason']

/** One file, with its times as numbers. */
export interface Piece {
  id: string
  url: string
  start: number
  end: number
  reason: Reason
  playable: boolean
  codec: string
}

export interface Band {
  start: number
  end: number
  reason: Reason
}

export interface Mark {
  id: string
  incidentId: string
  cameraId: string
  kind: RecordingMark['kind']
  state: string
  at: number
  raised: number
}

export interface View {
  from: number
  to: number
}

/** Files follow each other without a gap; what is shorter than this is none. */
export const NO_GAP_MS = 1500
/** The closest one may look. */
export const LEAST_VIEW_MS = 20_000

export function piecesOf(items: readonly RecordingItem[]): Piece[] {
  return items
    .map((i) => ({
      id: i.id,
      url: i.url,
      start: Date.parse(i.started_at),
      end: Date.parse(i.ended_at),
      reason: i.reason,
      playable: i.playable,
      codec: i.codec,
    }))
    .filter((p) => p.end > p.start)
    .sort((a, b) => a.start - b.start)
}

export function marksOf(marks: readonly RecordingMark[]): Mark[] {
  return marks.map((m) => ({
    id: m.id,
    incidentId: m.incident_id,
    cameraId: m.camera_id,
    kind: m.kind,
    state: m.incident_state,
    at: Date.parse(m.first_seen_at),
    raised: Date.parse(m.raised_at),
  }))
}

/** The number of pieces that begin at or before a moment. */
function startedBy(pieces: readonly Piece[], at: number): number {
  let low = 0
  let high = pieces.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (pieces[middle]!.start <= at) low = middle + 1
    else high = middle
  }
  return low
}

/** The file that shows a moment; of several, the one that began last. */
export function pieceAt(pieces: readonly Piece[], at: number): Piece | null {
  // a longer file may reach over a shorter one that began later and is over
  for (let i = startedBy(pieces, at) - 1, back = 0; i >= 0 && back < 4; i -= 1, back += 1) {
    if (pieces[i]!.end > at) return pieces[i]!
  }
  return null
}

/** The file that goes on where another ends, or else the first that begins after it. */
export function pieceAfter(pieces: readonly Piece[], piece: Piece): Piece | null {
  const going = pieceAt(pieces, piece.end + 1)
  if (going && going.id !== piece.id) return going
  return pieces[startedBy(pieces, piece.end)] ?? null
}

/** The next moment at or after `at` of which there is a picture; null if there is none. */
export function nextFootage(pieces: readonly Piece[], at: number): number | null {
  if (pieceAt(pieces, at)) return at
  return pieces[startedBy(pieces, at)]?.start ?? null
}

/** The last moment at or before `at` of which there is a picture. */
export function lastFootage(pieces: readonly Piece[], at: number): number | null {
  if (pieceAt(pieces, at)) return at
  const before = pieces[startedBy(pieces, at) - 1]
  return before ? before.end - 100 : null
}

/** Files of one reason that follow each other, as one. */
export function bandsOf(pieces: readonly Piece[]): Band[] {
  const bands: Band[] = []
  for (const piece of pieces) {
    const last = bands[bands.length - 1]
    if (last && last.reason === piece.reason && piece.start - last.end <= NO_GAP_MS) {
      last.end = Math.max(last.end, piece.end)
    } else {
      bands.push({ start: piece.start, end: piece.end, reason: piece.reason })
    }
  }
  return bands
}

/** Where something happened: alerts, and where a recording on motion or of an event begins. In order, close ones once. */
export function stopsOf(bands: readonly Band[], marks: readonly Mark[], lead = 3000): number[] {
  const all = [
    ...marks.map((m) => m.at - lead),
    ...bands.filter((b) => b.reason !== 'continuous').map((b) => b.start),
  ].sort((a, b) => a - b)
  return all.filter((at, n) => n === 0 || at - all[n - 1]! > 4000)
}

export function stopAfter(stops: readonly number[], at: number): number | null {
  return stops.find((s) => s > at + 500) ?? null
}

/** The one before; somebody who has just come past one wants that before it. */
export function stopBefore(stops: readonly number[], at: number): number | null {
  for (let i = stops.length - 1; i >= 0; i -= 1) if (stops[i]! < at - 2500) return stops[i]!
  return null
}

export function total(pieces: readonly Piece[]): number {
  let sum = 0
  let until = -Infinity
  for (const p of pieces) {
    sum += Math.max(0, p.end - Math.max(p.start, until))
    until = Math.max(until, p.end)
  }
  return sum
}

/** A view kept within its limits; its length is kept if it can be. */
export function within(view: View, limits: View): View {
  const whole = limits.to - limits.from
  const length = Math.min(whole, Math.max(LEAST_VIEW_MS, view.to - view.from))
  const from = Math.min(limits.to - length, Math.max(limits.from, view.from))
  return { from, to: from + length }
}

/** Closer (`factor` < 1) or wider around a moment that stays where it is. */
export function zoomed(view: View, around: number, factor: number, limits: View): View {
  const length = Math.min(limits.to - limits.from, Math.max(LEAST_VIEW_MS, (view.to - view.from) * factor))
  const share = (around - view.from) / (view.to - view.from)
  return within({ from: around - share * length, to: around + (1 - share) * length }, limits)
}

const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 14_400, 21_600]

export interface Ticks {
  stepMs: number
  major: number[]
  minor: number[]
}

/** Moments to label, none closer than `least` px to the next, counted from the start of the day; minor ones between. */
export function ticksOf(view: View, width: number, origin: number, least = 84): Ticks {
  const perPx = (view.to - view.from) / Math.max(1, width)
  const index = STEPS_S.findIndex((s) => (s * 1000) / perPx >= least)
  const step = (STEPS_S[index === -1 ? STEPS_S.length - 1 : index] ?? 3600) * 1000
  const small = [6, 5, 4, 3, 2].map((n) => step / n).find((s) => s / perPx >= 9 && Number.isInteger(s / 500)) ?? step
  const every = (length: number) => {
    const moments: number[] = []
    for (let n = Math.ceil((view.from - origin) / length); origin + n * length <= view.to; n += 1) {
      moments.push(origin + n * length)
      if (moments.length > 2000) break
    }
    return moments
  }
  const major = every(step)
  const taken = new Set(major)
  return { stepMs: step, major, minor: small < step ? every(small).filter((m) => !taken.has(m)) : [] }
}

/** 1:02:03 or 2:03, of a span. */
export function lengthOf(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000))
  const two = (n: number) => String(n).padStart(2, '0')
  const [h, m] = [Math.floor(s / 3600), Math.floor((s % 3600) / 60)]
  return h ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`
}
