/** Times, spans and figures as people read them, in the language of the page and the timezone of the site. */
import type { Language } from '@/i18n'

const LOCALE: Record<Language, string> = { zh: 'zh-CN', en: 'en-GB' }
const formatters = new Map<string, Intl.DateTimeFormat>()

function formatter(language: Language, zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = language + zone + JSON.stringify(options)
  let known = formatters.get(key)
  if (!known) {
    known = new Intl.DateTimeFormat(LOCALE[language], { timeZone: zone, hourCycle: 'h23', ...options })
    formatters.set(key, known)
  }
  return known
}

/** 21:07:33 */
export function clockTime(at: Date, language: Language, zone: string): string {
  return formatter(language, zone, { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(at)
}

/** 11月24日 周二 / Tue, 24 Nov */
export function dayName(at: Date, language: Language, zone: string): string {
  return formatter(language, zone, { month: 'short', day: 'numeric', weekday: 'short' }).format(at)
}

/** The time alone if it lies on the same day as `now` in the site's timezone, else with its date. */
export function moment(at: Date, now: Date, language: Language, zone: string): string {
  const sameDay = dayKey(at, zone) === dayKey(now, zone)
  const time: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', second: '2-digit' }
  return formatter(language, zone, sameDay ? time : { month: 'short', day: 'numeric', ...time }).format(at)
}

/** 2026.11.24 21:07, as it stands on a seal. */
export function sealDate(at: Date, zone: string): string {
  const p = parts(at, zone)
  return `${p.year}.${p.month}.${p.day} ${p.hour}:${p.minute}`
}

function parts(at: Date, zone: string): Record<string, string> {
  const f = formatter('en', zone, {
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  })
  return Object.fromEntries(f.formatToParts(at).map((p) => [p.type, p.value]))
}

/** YYYY-MM-DD in a timezone. */
export function dayKey(at: Date, zone: string): string {
  const p = parts(at, zone)
  return `${p.year}-${p.month}-${p.day}`
}

/** The moment when the day of `now` began in a timezone, changes of summer time included. */
export function startOfDay(now: Date, zone: string): Date {
  const today = dayKey(now, zone)
  const p = parts(now, zone)
  const sinceMidnight = (Number(p.hour) * 3600 + Number(p.minute) * 60 + Number(p.second)) * 1000
  let guess = new Date(Math.floor(now.getTime() / 1000) * 1000 - sinceMidnight)
  for (let i = 0; i < 3; i += 1) {
    const g = parts(guess, zone)
    const off = (Number(g.hour) * 3600 + Number(g.minute) * 60 + Number(g.second)) * 1000
    if (dayKey(guess, zone) === today) {
      if (off === 0) return guess
      guess = new Date(guess.getTime() - off)
    } else {
      guess = new Date(guess.getTime() + (86_400_000 - off))
    }
  }
  return guess
}

export type Span = { key: 'now' | 's' | 'm' | 'ms' | 'hm' | 'd'; n?: number; m?: number; s?: number; h?: number }

/** A span as the parts of a message `time.<key>`; `precise` keeps seconds under an hour. */
export function span(seconds: number, precise = false): Span {
  const whole = Math.max(0, Math.floor(seconds))
  if (whole < 5 && !precise) return { key: 'now' }
  if (whole < 60) return { key: 's', n: whole }
  if (whole < 3600) {
    if (precise) return { key: 'ms', m: Math.floor(whole / 60), s: whole % 60 }
    return { key: 'm', n: Math.floor(whole / 60) }
  }
  if (whole < 86_400) return { key: 'hm', h: Math.floor(whole / 3600), m: Math.floor((whole % 3600) / 60) }
  return { key: 'd', n: Math.floor(whole / 86_400) }
}

/** 1.4 Mbit/s */
export function bitRate(bitsPerSecond: number): string {
  if (bitsPerSecond >= 1e6) return `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`
  return `${Math.round(bitsPerSecond / 1e3)} kbit/s`
}

/** A figure of evidence: whole numbers whole, others to three significant digits. */
export function figure(value: unknown): string {
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3)))
  if (Array.isArray(value)) return value.map(figure).join(' · ')
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value)
      .map(([k, v]) => `${k} ${figure(v)}`)
      .join(' · ')
  }
  return String(value)
}

export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** 1.4 GB, in powers of ten, as disks are sold. */
export function bytes(count: number): string {
  for (const [unit, size] of [
    ['TB', 1e12],
    ['GB', 1e9],
    ['MB', 1e6],
    ['kB', 1e3],
  ] as const) {
    if (count >= size) return `${(count / size).toFixed(count >= size * 100 ? 0 : 1)} ${unit}`
  }
  return `${Math.round(count)} B`
}
