/** Small composables: the ticking time, whether somebody looks at the page, the size of an element. */
import { onBeforeUnmount, onMounted, readonly, ref, type Ref } from 'vue'
import { useI18n } from 'vue-i18n'
import { span } from './format'

const now = ref(Date.now())
let tickers = 0
let ticker: number | null = null

/** The present moment, renewed each second for as long as anything on the page reads it. */
export function useNow(): Readonly<Ref<number>> {
  onMounted(() => {
    now.value = Date.now()
    tickers += 1
    ticker ??= window.setInterval(() => (now.value = Date.now()), 1000)
  })
  onBeforeUnmount(() => {
    tickers -= 1
    if (tickers === 0 && ticker !== null) {
      window.clearInterval(ticker)
      ticker = null
    }
  })
  return readonly(now)
}

/** False once the page has been hidden for a while: nobody needs its live feeds then. */
export function usePageWatched(patienceMs = 20_000): Readonly<Ref<boolean>> {
  const watched = ref(true)
  let timer: number | null = null
  const look = () => {
    if (timer !== null) window.clearTimeout(timer)
    timer = null
    if (document.visibilityState === 'visible') watched.value = true
    else timer = window.setTimeout(() => (watched.value = false), patienceMs)
  }
  onMounted(() => document.addEventListener('visibilitychange', look))
  onBeforeUnmount(() => {
    document.removeEventListener('visibilitychange', look)
    if (timer !== null) window.clearTimeout(timer)
  })
  return readonly(watched)
}

export function useSize(element: Ref<HTMLElement | null>): { width: Ref<number>; height: Ref<number> } {
  const width = ref(0)
  const height = ref(0)
  let observer: ResizeObserver | null = null
  onMounted(() => {
    observer = new ResizeObserver(([entry]) => {
      width.value = entry!.contentRect.width
      height.value = entry!.contentRect.height
    })
    if (element.value) observer.observe(element.value)
  })
  onBeforeUnmount(() => observer?.disconnect())
  return { width, height }
}

/** Spans of seconds in words. */
export function useSpan(): (seconds: number, precise?: boolean) => string {
  const { t } = useI18n()
  return (seconds, precise = false) => {
    const { key, ...values } = span(seconds, precise)
    return t(`time.${key}`, values)
  }
}
