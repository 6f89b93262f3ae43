/** Days of the site's time zone by their key, YYYY-MM-DD. Pure. */
import { dayKey, startOfDay } from '@/lib/format'
import type { View } from './line'

const DAY_MS = 86_400_000

/** From its midnight to the next, whatever summer time does to it. */
export function dayOf(key: string, zone: string): View {
  return { from: midnight(key, zone), to: midnight(shifted(key, 1), zone) }
}

function midnight(key: string, zone: string): number {
  let noon = new Date(`${key}T12:00:00Z`)
  const there = dayKey(noon, zone)
  if (there !== key) noon = new Date(noon.getTime() + (there < key ? DAY_MS : -DAY_MS))
  return startOfDay(noon, zone).getTime()
}

/** The day so many days on, or back. */
export function shifted(key: string, days: number): string {
  const at = new Date(`${key}T12:00:00Z`)
  return new Date(at.getTime() + days * DAY_MS).toISOString().slice(0, 10)
}

export function isDay(text: unknown): text is string {
  return typeof text === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(text) && exists(text)
}

/** The thirtieth of February would be taken for a day of March. */
function exists(key: string): boolean {
  const at = new Date(`${key}T12:00:00Z`)
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(key)
}
