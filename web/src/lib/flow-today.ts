/**
 * Today's flow, added up from minute rows. A row that comes again replaces itself, so spans may overlap; a minute that was
 * not observed counts for nothing and is not counted as zero. Pure.
 */
import type { FlowMinutes } from '@/api/client'
import { dayKey } from './format'

type Crossing = FlowMinutes['crossings'][number]
const VEHICLES = new Set(['bicycle', 'car', 'motorcycle', 'bus', 'truck'])

export interface Flow {
  into: number
  out: number
}

export interface LineTotal extends Flow {
  cameraId: string
  lineId: string
  people: number
  vehicles: number
}

export class FlowToday {
  private readonly rows = new Map<string, Crossing>()
  /** The newest minute seen, as given. */
  newest: string | null = null

  constructor(
    readonly day: string,
    private readonly zone: string,
  ) {}

  add(rows: readonly Crossing[]): void {
    for (const row of rows) {
      if (dayKey(new Date(row.minute), this.zone) !== this.day) continue
      this.rows.set(`${row.camera_id}|${row.line_id}|${row.object_class}|${row.minute}`, row)
      if (this.newest === null || row.minute > this.newest) this.newest = row.minute
    }
  }

  get observed(): boolean {
    return this.rows.size > 0
  }

  total(kind: 'people' | 'vehicles'): Flow {
    const sum = { into: 0, out: 0 }
    for (const row of this.rows.values()) {
      if (kindOf(row) !== kind) continue
      sum.into += row.crossed_in
      sum.out += row.crossed_out
    }
    return sum
  }

  /** Crossings by hour of the site's day; null for an hour of which no minute was observed. */
  hours(kind: 'people' | 'vehicles'): (number | null)[] {
    const hours: (number | null)[] = Array.from({ length: 24 }, () => null)
    for (const row of this.rows.values()) {
      if (kindOf(row) !== kind) continue
      const hour = hourOf(row.minute, this.zone)
      hours[hour] = (hours[hour] ?? 0) + row.crossed_in + row.crossed_out
    }
    return hours
  }

  busiest(count: number): LineTotal[] {
    const lines = new Map<string, LineTotal>()
    for (const row of this.rows.values()) {
      const key = `${row.camera_id}|${row.line_id}`
      const line = lines.get(key) ?? {
        cameraId: row.camera_id,
        lineId: row.line_id,
        into: 0,
        out: 0,
        people: 0,
        vehicles: 0,
      }
      line.into += row.crossed_in
      line.out += row.crossed_out
      line[kindOf(row)] += row.crossed_in + row.crossed_out
      lines.set(key, line)
    }
    return [...lines.values()]
      .filter((l) => l.into + l.out > 0)
      .sort((a, b) => b.into + b.out - (a.into + a.out))
      .slice(0, count)
  }
}

function kindOf(row: Crossing): 'people' | 'vehicles' {
  return VEHICLES.has(row.object_class) ? 'vehicles' : 'people'
}

const hourFormats = new Map<string, Intl.DateTimeFormat>()
function hourOf(minute: string, zone: string): number {
  let format = hourFormats.get(zone)
  if (!format) {
    format = new Intl.DateTimeFormat('en', { timeZone: zone, hour: '2-digit', hourCycle: 'h23' })
    hourFormats.set(zone, format)
  }
  return Number(format.format(new Date(minute)))
}
