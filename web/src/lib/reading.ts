/**
 * What a page shows of the service: read at once, then again every so often while somebody looks.
 *
 * Promises: an answer that was overtaken by a later question is dropped; what was read stays on show when a later reading
 * fails, with the failure beside it; nothing is asked while the page is hidden. Not here: events (`stores/village.ts`).
 */
import { onBeforeUnmount, onMounted, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import { Problem } from '@/api/client'
import { i18n } from '@/i18n'
import { usePageWatched } from './use'

/** What went wrong as one sentence. */
export function sentenceOf(error: unknown): string {
  return error instanceof Problem ? error.sentence : i18n.global.t('error.network')
}

/** The same with what the service adds to it. */
export function troubleOf(error: unknown): string {
  return [sentenceOf(error), error instanceof Problem && error.detail].filter(Boolean).join(' · ')
}

export interface Reading<T> {
  value: ShallowRef<T | null>
  failure: Ref<string | null>
  loading: Ref<boolean>
  read: () => Promise<void>
}

export function useReading<T>(ask: () => Promise<T>, everyMs: number | null = null): Reading<T> {
  const value = shallowRef<T | null>(null)
  const failure = ref<string | null>(null)
  const loading = ref(true)
  const watched = usePageWatched()
  let asked = 0
  let timer: number | null = null
  let gone = false

  async function read(): Promise<void> {
    const mine = ++asked
    if (timer !== null) window.clearTimeout(timer)
    timer = null
    loading.value = true
    try {
      const found = await ask()
      if (mine !== asked || gone) return
      value.value = found
      failure.value = null
    } catch (error) {
      if (mine === asked) failure.value = troubleOf(error)
    } finally {
      if (mine === asked) {
        loading.value = false
        if (everyMs !== null && !gone && watched.value) timer = window.setTimeout(() => void read(), everyMs)
      }
    }
  }

  watch(watched, (seen) => seen && everyMs !== null && timer === null && void read())
  onMounted(() => void read())
  onBeforeUnmount(() => {
    gone = true
    if (timer !== null) window.clearTimeout(timer)
  })
  return { value, failure, loading, read }
}
