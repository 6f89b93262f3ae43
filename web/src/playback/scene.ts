/**
 * What is on show in playback: which cameras, which day, which part of it, and the deck that plays them.
 *
 * Promises: at most four cameras; who is shown alone, or looked at, is always one of them. Not here: where a day begins
 * (`opening.ts`), moving about in it (`moves.ts`), what is taken away (`take-away.ts`).
 */
import { useMessage } from 'naive-ui'
import { computed, onBeforeUnmount, ref, watch } from 'vue'
import { useI18n } from 'vue-i18n'
import { dayKey } from '@/lib/format'
import { useNow } from '@/lib/use'
import { useVillage } from '@/stores/village'
import { useAddress } from './address'
import { dayOf, isDay } from './day'
import { Deck } from './deck'
import type { View } from './line'
import type { Pane } from './pane'
import { useRecorded } from './recorded'

const MOST = 4

export type Scene = ReturnType<typeof useScene>

export function useScene() {
  const { t } = useI18n()
  const message = useMessage()
  const village = useVillage()
  const now = useNow()

  const deck = new Deck()
  const panes = new Map<string, Pane>()
  const cameras = ref<string[]>([])
  const address = useAddress({ cameras, at: deck.at, most: MOST })
  cameras.value = address.cameras()

  const today = computed(() => dayKey(new Date(now.value), village.zone))
  const key = ref<string>(address.day() ?? dayKey(new Date(address.moment() ?? Date.now()), village.zone))
  const day = computed(() => dayOf(key.value, village.zone))
  const view = ref<View>({ ...day.value })
  /** What is marked to be taken away. */
  const range = ref<{ from: number | null; to: number | null }>({ from: null, to: null })
  const active = ref(0)
  const solo = ref<string | null>(null)
  /** Somebody chose the day here; it is not that of a link. */
  const isDayChosen = ref(false)
  const recorded = useRecorded(cameras, day, key)

  const shown = computed(() => (solo.value ? cameras.value.filter((c) => c === solo.value) : cameras.value))
  const activeCamera = computed(() => cameras.value[Math.min(active.value, cameras.value.length - 1)] ?? null)
  const isFull = computed(() => cameras.value.length >= MOST)

  function seat(): void {
    deck.setPanes(shown.value.map((id) => panes.get(id) ?? null))
  }

  function made(id: string, pane: Pane): void {
    panes.set(id, pane)
    seat()
    if (recorded.of(id).pieces.length) void pane.seek(deck.at.value)
  }

  function gone(id: string): void {
    panes.delete(id)
    seat()
  }

  function choose(next: string[]): void {
    if (next.length > MOST) return void message.warning(t('playback.most'))
    cameras.value = next
    if (solo.value && !next.includes(solo.value)) solo.value = null
    active.value = Math.max(0, Math.min(active.value, next.length - 1))
  }

  function toDay(next: string | null): void {
    if (!next || !isDay(next)) return
    deck.pause()
    range.value = { from: null, to: null }
    key.value = next
    view.value = { ...dayOf(next, village.zone) }
    isDayChosen.value = true
    address.sayDay(next)
  }

  function setSolo(id: string): void {
    solo.value = solo.value === id ? null : id
  }

  watch(shown, seat, { flush: 'post' })
  watch(solo, () => void deck.seek(deck.at.value), { flush: 'post' })
  watch(
    () => village.zone,
    () => {
      if (!isDayChosen.value) toDay(dayKey(new Date(address.moment() ?? Date.now()), village.zone))
    },
  )
  onBeforeUnmount(() => deck.stop())

  return {
    deck,
    panes,
    address,
    recorded,
    now,
    today,
    cameras,
    shown,
    active,
    activeCamera,
    solo,
    isFull,
    key,
    day,
    view,
    range,
    isDayChosen,
    made,
    gone,
    choose,
    toDay,
    setSolo,
  }
}
