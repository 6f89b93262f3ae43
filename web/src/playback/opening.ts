/**
 * Where playback begins: at the moment a link asks for, else shortly before the end of what there is of the day; and what
 * is shown when nobody asked for a camera.
 *
 * Promises: cameras added or taken away later do not move the moment; one of which nothing is there yet is shown once its
 * file is written. Not here: reading what was recorded (`recorded.ts`).
 */
import { computed, onMounted, shallowRef, triggerRef, watch } from 'vue'
import { recordings, type Storage } from '@/api/recordings'
import { dayKey } from '@/lib/format'
import { useVillage } from '@/stores/village'
import { dayOf } from './day'
import { lastFootage, nextFootage, pieceAt, within } from './line'
import type { Pane } from './pane'
import { isPhone } from './recorded'
import type { Scene } from './scene'

/** A link shows so much of the day on either side of its moment. */
const AROUND_MS = 30 * 60_000
/** A recording around an alert begins at most this much after it. */
const SOON_MS = 90_000
const BEFORE_END_MS = 60_000

export function useOpening(scene: Scene, go: (at: number) => void) {
  const { deck, panes, cameras, key, day, view, address } = scene
  const { byCamera, loading, failure, read, of } = scene.recorded
  const village = useVillage()
  /** Of which cameras there is something, and in which mode they are recorded. */
  const storage = shallowRef<Storage | null>(null)
  const what = computed(() => `${key.value} ${cameras.value.join()}`)
  let loadedFor = ''
  /** The moment that a link asked for, while nothing of it or soon after it is there: its file may still be written. */
  let awaited: number | null = null

  const piecesOfAll = () => cameras.value.map((id) => of(id).pieces)
  const around = (at: number) => ({ from: at - AROUND_MS, to: at + AROUND_MS })

  /** A moment of which there is nothing, but soon after it there is: a recording around an alert begins a little late. */
  function soonAfter(at: number): number {
    const next = Math.min(...piecesOfAll().map((pieces) => nextFootage(pieces, at) ?? Infinity))
    return next < at + SOON_MS ? next : at
  }

  async function begin(): Promise<void> {
    const at = address.moment()
    if (at !== null && at >= day.value.from && at < day.value.to) {
      if (!scene.isDayChosen.value) view.value = within(around(at), day.value)
      awaited = soonAfter(at) === at ? at : null
      await deck.seek(soonAfter(at))
      return
    }
    const all = piecesOfAll()
    const ends = all.map((p) => lastFootage(p, day.value.to)).filter((n): n is number => n !== null)
    if (ends.length === 0) return deck.seek(Math.min(day.value.to - 1, Math.max(day.value.from, Date.now())))
    const end = Math.max(...ends) - BEFORE_END_MS
    const starts = all.map((p) => nextFootage(p, end)).filter((n): n is number => n !== null)
    await deck.seek(Math.min(...starts))
  }

  async function load(): Promise<void> {
    const mine = what.value
    if (cameras.value.length === 0) return
    await read()
    if (mine !== what.value || failure.value) return
    const first = loadedFor.split(' ')[0] !== key.value
    loadedFor = mine
    // let the panes take their files first
    await Promise.resolve()
    for (const id of cameras.value) panes.get(id)?.setPieces(of(id).pieces)
    if (first) await begin()
    else await deck.seek(deck.at.value)
    address.remember()
  }

  /** Nobody asked for a camera: the one of which there is the newest. */
  function chooseNewest(): void {
    const newest = [...(storage.value?.cameras ?? [])]
      .filter((c) => c.newest_at !== null)
      .sort((a, b) => b.newest_at!.localeCompare(a.newest_at!))[0]
    if (!newest) return
    if (address.day() === null && address.moment() === null) {
      key.value = dayKey(new Date(newest.newest_at!), village.zone)
      view.value = { ...day.value }
    }
    cameras.value = [newest.camera_id]
  }

  watch(what, load)
  /** What was still being written a moment ago may be there now. */
  watch(
    byCamera,
    () => {
      triggerRef(deck.turn)
      const isDue = ([id, pane]: [string, Pane]) =>
        pane.state === 'gap' && pieceAt(of(id).pieces, deck.at.value) !== null
      if (deck.playing.value || loading.value) return
      if ([...panes].some(isDue)) void deck.seek(deck.at.value)
      else if (awaited !== null && awaited === deck.at.value) {
        const at = soonAfter(awaited)
        if (at !== awaited) void deck.seek(at)
      }
    },
    { flush: 'post' },
  )
  address.onLink(() => {
    const at = address.moment()
    const wanted = address.cameras().filter((id) => !village.loaded || village.byId.has(id) || isPhone(id))
    if (wanted.length && wanted.join() !== cameras.value.join()) cameras.value = wanted
    if (at === null) return
    const itsDay = dayKey(new Date(at), village.zone)
    if (itsDay !== key.value) {
      key.value = itsDay
      view.value = within(around(at), dayOf(itsDay, village.zone))
    } else if (Math.abs(at - deck.at.value) > 1500) go(at)
  })
  onMounted(async () => {
    try {
      storage.value = await recordings.storage()
    } catch {
      // only the hints need it
    }
    if (cameras.value.length === 0) chooseNewest()
    else void load()
  })

  return { storage, load }
}
