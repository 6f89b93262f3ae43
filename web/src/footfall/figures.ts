/**
 * What the charts of footfall need worked out: scales, weeks, spans of days, changes. Pure.
 *
 * Days are written `2026-10-01`; they are dates of the village, without a time, so they never move with a timezone.
 */
import type { DayFigures } from '@/api/footfall'

const DAY = 86_400_000
/** A longer range is drawn by the week: bars thinner than a hair say nothing. */
export const MOST_BARS = 150

/** A round number at or a little above `value`, whose quarter is round as well. */
export function niceTop(value: number): number {
  if (value <= 0) return 4
  const size = 10 ** Math.floor(Math.log10(value))
  return [1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10].map((step) => step * size).find((top) => top >= value) ?? value
}

export function compact(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–'
  if (Math.abs(value) >= 10 || Number.isInteger(value)) return Math.round(value).toLocaleString('en-US')
  return value.toFixed(1)
}

export function percent(share: number | null | undefined, places = 0): string {
  return share === null || share === undefined ? '–' : `${(share * 100).toFixed(places)}%`
}

/** By how much it changed, with its sign; null where that means nothing. */
export function change(now: number | null, before: number | null | undefined): string | null {
  if (now === null || !before) return null
  const share = Math.round((now / before - 1) * 100)
  return `${share > 0 ? '+' : ''}${share}%`
}

export function utc(day: string): Date {
  return new Date(`${day}T00:00:00Z`)
}

export function plusDays(day: string, days: number): string {
  return new Date(utc(day).getTime() + days * DAY).toISOString().slice(0, 10)
}

export function daysIn(from: string, to: string): number {
  return Math.round((utc(to).getTime() - utc(from).getTime()) / DAY) + 1
}

/** 10月1日 / 1 Oct; with its weekday, or its year, when asked. */
export function dayWords(day: string, language: 'zh' | 'en', more: 'weekday' | 'year' | null = null): string {
  return new Intl.DateTimeFormat(language === 'zh' ? 'zh-CN' : 'en-GB', {
    timeZone: 'UTC',
    month: language === 'zh' ? 'long' : 'short',
    day: 'numeric',
    ...(more === 'weekday' ? { weekday: 'short' } : {}),
    ...(more === 'year' ? { year: 'numeric' } : {}),
  }).format(utc(day))
}

/** Monday to Sunday. */
export function weekdayNames(language: 'zh' | 'en'): string[] {
  const format = new Intl.DateTimeFormat(language === 'zh' ? 'zh-CN' : 'en-GB', { timeZone: 'UTC', weekday: 'short' })
  return Array.from({ length: 7 }, (_, n) => format.format(new Date(Date.UTC(2024, 0, 1 + n))))
}

export interface Bar {
  first: string
  last: string
  /** Null: nobody looked. */
  value: number | null
  estimated: number
  kind: DayFigures['kind']
  festival: DayFigures['festival']
  share: number | null
  coming: boolean
}

/** Bars of a range: a day each, or the mean day of each week when there are too many. `today` and later are to come. */
export function barsOf(days: readonly DayFigures[], what: 'people' | 'vehicles', today: string): Bar[] {
  const each = days.map((d) => ({
    first: d.day,
    last: d.day,
    value: d[what],
    estimated: what === 'people' ? d.people_estimated : 0,
    kind: d.kind,
    festival: d.festival,
    share: d.observed_share,
    coming: d.day > today,
  }))
  if (each.length <= MOST_BARS) return each
  const weeks: Bar[] = []
  for (let n = 0; n < each.length; n += 7) {
    const week = each.slice(n, n + 7)
    const seen = week.filter((d) => d.value !== null)
    const shares = week.flatMap((d) => (d.coming || d.share === null ? [] : [d.share]))
    const holiday = week.find((d) => d.kind === 'holiday')
    weeks.push({
      first: week[0]!.first,
      last: week.at(-1)!.last,
      value: seen.length ? seen.reduce((sum, d) => sum + d.value!, 0) / seen.length : null,
      estimated: seen.length ? seen.reduce((sum, d) => sum + d.estimated, 0) / seen.length : 0,
      kind: holiday ? 'holiday' : 'workday',
      festival: holiday?.festival ?? null,
      share: shares.length ? shares.reduce((sum, share) => sum + share, 0) / shares.length : null,
      coming: week.every((d) => d.coming),
    })
  }
  return weeks
}

/** The runs of a line that breaks where nobody looked. */
export function runs(values: readonly (number | null)[]): { at: number; value: number }[][] {
  const found: { at: number; value: number }[][] = [[]]
  values.forEach((value, at) => {
    if (value !== null) found.at(-1)!.push({ at, value })
    else if (found.at(-1)!.length) found.push([])
  })
  return found.filter((run) => run.length > 0)
}

export type Preset = 'week' | 'month' | 'quarter' | 'year' | 'thisYear'

export function presetSpan(preset: Preset, today: string): { from: string; to: string } {
  const back = { week: 6, month: 29, quarter: 89, year: 364 }
  return { from: preset === 'thisYear' ? `${today.slice(0, 4)}-01-01` : plusDays(today, -back[preset]), to: today }
}
