/**
 * The rows of the devices page: what is shown of a camera, how rows are filtered and put in order, the file to take away.
 * Pure. Not here: the page, the file's words (`device-sheet.ts`).
 */
import type { Camera, CameraState } from '@/api/client'
import type { CameraStorage } from '@/api/recordings'

export type StreamRole = Camera['streams'][number]['role']
export const TROUBLE: readonly CameraState[] = [
  'offline',
  'unauthorised',
  'stalled',
  'unknown',
  'degraded',
  'connecting',
]
/** The worst first. */
export const STATES: readonly CameraState[] = [...TROUBLE, 'online', 'disabled']
export type StateFilter = 'all' | 'trouble' | CameraState

export interface Row {
  id: string
  name: string
  group: string
  state: CameraState
  since: number | null
  reason: string
  codec: string | null
  width: number | null
  height: number | null
  fps: number
  bits: number
  gop: number | null
  looks: number
  reconnects: number
  failures: [cause: string, times: number][]
  shed: number
  viewers: number
  lastPicture: number | null
  mode: CameraStorage['mode'] | null
  keepDays: number | null
  recording: NonNullable<Camera['recording']>['state'] | null
  dropped: number
  files: number
  size: number
  oldest: number | null
  hasStream: boolean
}

export type Column =
  'name' | 'state' | 'codec' | 'size' | 'fps' | 'bits' | 'gop' | 'reconnects' | 'lastPicture' | 'recording' | 'disk'

export interface Order {
  column: Column
  down: boolean
}

const time = (iso: string | null | undefined) => (iso ? Date.parse(iso) : null)

/** One camera as a row, its figures from the stream of that role. */
export function rowOf(
  camera: Camera,
  role: StreamRole,
  stored: CameraStorage | null,
  said: (text: { zh: string; en: string }) => string,
  groupName: string,
): Row {
  const stream = camera.streams.find((s) => s.role === role)
  return {
    id: camera.id,
    name: said(camera.name),
    group: groupName,
    state: stream?.state ?? camera.state,
    since: time(stream?.since),
    reason: said(stream?.reason ?? camera.reason),
    codec: stream?.codec ?? null,
    width: stream?.width ?? null,
    height: stream?.height ?? null,
    fps: stream?.frames_per_second ?? 0,
    bits: stream?.bits_per_second ?? 0,
    gop: stream?.gop_seconds ?? null,
    looks: camera.looks_per_second,
    reconnects: stream?.reconnects ?? 0,
    failures: Object.entries(stream?.failures ?? {})
      .filter(([, times]) => times > 0)
      .sort((a, b) => b[1] - a[1]),
    shed: stream?.frames_shed ?? 0,
    viewers: stream?.viewers ?? 0,
    lastPicture: time(stream?.last_picture_at),
    mode: stored?.mode ?? null,
    keepDays: stored?.keep_days ?? null,
    recording: camera.recording?.state ?? null,
    dropped: camera.recording?.dropped ?? 0,
    files: stored?.files ?? 0,
    size: stored?.size_bytes ?? 0,
    oldest: time(stored?.oldest_at),
    hasStream: stream !== undefined,
  }
}

export function matches(row: Row, search: string): boolean {
  const words = search.trim().toLocaleLowerCase().split(/\s+/).filter(Boolean)
  const text = `${row.id} ${row.name} ${row.group} ${row.reason} ${row.codec ?? ''}`.toLocaleLowerCase()
  return words.every((word) => text.includes(word))
}

const RECORDING = ['failed', 'disk_full', 'recording', 'waiting', 'off']
const VALUE: Record<Exclude<Column, 'name'>, (row: Row) => number | string | null> = {
  state: (r) => STATES.indexOf(r.state),
  codec: (r) => r.codec,
  size: (r) => (r.width && r.height ? r.width * r.height : null),
  fps: (r) => (r.hasStream ? r.fps : null),
  bits: (r) => (r.hasStream ? r.bits : null),
  gop: (r) => r.gop,
  reconnects: (r) => r.reconnects,
  lastPicture: (r) => r.lastPicture,
  recording: (r) => (r.recording ? RECORDING.indexOf(r.recording) : null),
  disk: (r) => r.size,
}

/** In order; what is not known comes last either way, what is equal by name. */
export function ordered(rows: readonly Row[], order: Order, locale: string): Row[] {
  const names = new Intl.Collator(locale, { numeric: true })
  const way = order.down ? -1 : 1
  return [...rows].sort((a, b) => {
    if (order.column === 'name') return way * names.compare(a.name, b.name)
    const [x, y] = [VALUE[order.column](a), VALUE[order.column](b)]
    if (x === y) return names.compare(a.name, b.name)
    if (x === null) return 1
    if (y === null) return -1
    const compared = typeof x === 'string' || typeof y === 'string' ? names.compare(String(x), String(y)) : x - y
    return way * compared || names.compare(a.name, b.name)
  })
}

/** Comma-separated, quoted where needed, with a mark for Excel that it is UTF-8. A cell is never a formula. */
export function csv(rows: readonly (string | number | null)[][]): string {
  const cell = (value: string | number | null): string => {
    if (value === null) return ''
    if (typeof value === 'number') return String(value)
    const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
  }
  return `\uFEFF${rows.map((row) => row.map(cell).join(',')).join('\r\n')}\r\n`
}
