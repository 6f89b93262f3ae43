/** Rules of the inbox of questions: how long there is, whose words an answer speaks, how a span was kept. Pure. */
import type { Canned, QuestionSeen } from '@/api/desk'
import type { Language } from '@/i18n'

/** Seconds left until the target, negative when it is past; and the share of the time that is gone, 0 to 1. */
export function clockOf(question: QuestionSeen, nowMs: number): { left: number; spent: number } {
  const due = Date.parse(question.due_at)
  const whole = Math.max(1, due - Date.parse(question.asked_at))
  return { left: (due - nowMs) / 1000, spent: Math.min(1, Math.max(0, 1 - (due - nowMs) / whole)) }
}

/** The language somebody asked in: an answer speaks the asker's, not the desk's. */
export function languageOf(text: string): Language {
  return /[\u3400-\u9fff]/.test(text) ? 'zh' : 'en'
}

/** What is suggested comes first. */
export function cannedFor(canned: readonly Canned[], question: QuestionSeen): Canned[] {
  return [...canned].sort((a, b) => Number(b.id === question.suggestion) - Number(a.id === question.suggestion))
}

/** How long an answer took in seconds, null while there is none. */
export function tookOf(question: QuestionSeen): number | null {
  return question.answered_at ? (Date.parse(question.answered_at) - Date.parse(question.asked_at)) / 1000 : null
}

/** Whole percent, null where nothing was counted. */
export function share(part: number, whole: number): number | null {
  return whole > 0 ? Math.round((100 * part) / whole) : null
}
