/** The language of the page: that of the browser at first, then whatever was chosen, remembered. */
import { createI18n } from 'vue-i18n'
import { en } from './en'
import { zh } from './zh'

export type Language = 'zh' | 'en'
const KEY = 'vbrain.language'

export function firstLanguage(remembered: string | null, browser: readonly string[]): Language {
  if (remembered === 'zh' || remembered === 'en') return remembered
  for (const tag of browser) {
    if (/^zh\b/i.test(tag)) return 'zh'
    if (/^en\b/i.test(tag)) return 'en'
  }
  return 'zh'
}

function remembered(): string | null {
  try {
    return localStorage.getItem(KEY)
  } catch {
    return null
  }
}

export const i18n = createI18n({
  legacy: false,
  locale: firstLanguage(remembered(), navigator.languages ?? [navigator.language]),
  fallbackLocale: 'zh',
  messages: { zh, en },
  missingWarn: false,
  fallbackWarn: false,
})

export function language(): Language {
  return i18n.global.locale.value as Language
}

export function setLanguage(next: Language): void {
  i18n.global.locale.value = next
  document.documentElement.lang = next === 'zh' ? 'zh-CN' : 'en'
  try {
    localStorage.setItem(KEY, next)
  } catch {
    // a browser that keeps nothing: the choice lasts for this page
  }
}

/** One of the languages of a text that the service gives in both. */
export function said(text: { zh: string; en: string }): string {
  return text[language()]
}
