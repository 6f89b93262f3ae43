/**
 * What happened in the village since midnight: its incidents, counted.
 *
 * Promises: counted from what the service gives, to the last one; null, and not a zero, until it has been read or when it
 * could not be. Not here: those still open (`stores/village.ts`), who crossed the lines (`flow.ts`).
 */
import { computed, onMounted, shallowRef, watch, type Ref } from 'vue'
import { api, type Incident } from '@/api/client'
import { median, startOfDay } from '@/lib/format'
import { useVillage } from '@/stores/village'

const AT_ONCE = 200
/** A day with more is no village's. */
const MOST = 5000

export interface TodayFigures {
  total: number
  closed: number
  false: number
  /** Seconds from opened to closed. */
  median: number | null
}

export function useToday(day: Ref<string>) {
  const village = useVillage()
  const today = shallowRef<Incident[] | null>(null)
  let asked = 0

  async function read(): Promise<void> {
    if (!village.site) return
    const mine = ++asked
    const midnight = startOfDay(new Date(), village.zone).getTime()
    const items: Incident[] = []
    let before: string | undefined
    try {
      do {
        const page = await api.incidents({ state: 'all', limit: AT_ONCE, before })
        const fresh = page.items.filter((i) => new Date(i.opened_at).getTime() >= midnight)
        items.push(...fresh)
        before = fresh.length === page.items.length ? (page.next ?? undefined) : undefined
      } while (before && items.length < MOST)
      if (mine === asked) today.value = items
    } catch {
      if (mine === asked) today.value = null
    }
  }

  const closed = computed(() => today.value?.filter((i) => i.state === 'closed') ?? [])
  const figures = computed<TodayFigures | null>(() => {
    if (!today.value) return null
    const spans = closed.value
      .filter((i) => i.closed_at)
      .map((i) => (Date.parse(i.closed_at!) - Date.parse(i.opened_at)) / 1000)
    return {
      total: today.value.length,
      closed: closed.value.length,
      false: today.value.filter((i) => i.state === 'false_alarm').length,
      median: median(spans),
    }
  })
  /** How many of each kind, the most first. */
  const kinds = computed(() => {
    const counts = new Map<Incident['kind'], number>()
    for (const i of today.value ?? []) counts.set(i.kind, (counts.get(i.kind) ?? 0) + 1)
    return [...counts].sort((a, b) => b[1] - a[1])
  })

  watch([() => village.incidentTick, () => village.site, day], () => void read())
  onMounted(() => void read())
  return { closed, figures, kinds }
}
