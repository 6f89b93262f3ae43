/**
 * Who crossed the lines since midnight, for the big screen; read again each minute.
 *
 * Promises: figures are null until somebody was observed; what was read stays on show when a later reading fails. Not here:
 * the counting (`lib/flow-today.ts`).
 */
import { computed, onBeforeUnmount, onMounted, ref, shallowRef, watch, type Ref } from 'vue'
import { api } from '@/api/client'
import { said } from '@/i18n'
import { FlowToday } from '@/lib/flow-today'
import { startOfDay } from '@/lib/format'
import { useVillage } from '@/stores/village'

const EVERY_MS = 60_000
/** The newest minutes may still be completed: they are read again. */
const AGAIN_MS = 120_000
const MOST_PAGES = 20
const BUSIEST = 4

export type FlowFigures = NonNullable<ReturnType<typeof useFlow>['figures']['value']>

export function useFlow(day: Ref<string>) {
  const village = useVillage()
  const flow = shallowRef<FlowToday | null>(null)
  const failed = ref(false)
  /** Grows when the same book has more in it. */
  const tick = ref(0)
  let reading = false

  async function read(): Promise<void> {
    if (reading || !village.site) return
    reading = true
    try {
      const book = flow.value?.day === day.value ? flow.value : new FlowToday(day.value, village.zone)
      let from = book.newest
        ? new Date(new Date(book.newest).getTime() - AGAIN_MS).toISOString()
        : startOfDay(new Date(), village.zone).toISOString()
      for (let i = 0; i < MOST_PAGES; i += 1) {
        const answer = await api.flow(from)
        book.add(answer.crossings)
        if (!answer.truncated || book.newest === null || book.newest <= from) break
        from = book.newest
      }
      flow.value = book
      failed.value = false
      tick.value += 1
    } catch {
      failed.value = true
    } finally {
      reading = false
    }
  }

  const figures = computed(() => {
    void tick.value
    const book = flow.value
    if (!book?.observed) return null
    return {
      people: book.total('people'),
      vehicles: book.total('vehicles'),
      peopleHours: book.hours('people'),
      vehicleHours: book.hours('vehicles'),
      busiest: book.busiest(BUSIEST).map((l) => {
        const camera = village.byId.get(l.cameraId)
        const line = camera?.lines.find((n) => n.id === l.lineId)
        return { ...l, camera: camera ? said(camera.name) : l.cameraId, line: line ? said(line.name) : l.lineId }
      }),
    }
  })

  watch([() => village.site, day], () => void read())
  let timer: number | null = null
  onMounted(() => {
    void read()
    timer = window.setInterval(() => void read(), EVERY_MS)
  })
  onBeforeUnmount(() => {
    if (timer !== null) window.clearInterval(timer)
  })
  return { figures, failed }
}
