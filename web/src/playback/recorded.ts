/**
 * What was recorded of some cameras on one day, kept fresh while the day is today.
 *
 * Promises: what was asked last wins; a failed refresh leaves what is known. Not here: playing it.
 */
import { onBeforeUnmount, ref, shallowRef, watch, type Ref } from 'vue'
import { Problem } from '@/api/client'
import { recordings, type Filming } from '@/api/recordings'
import { bandsOf, marksOf, piecesOf, type Band, type Mark, type Piece, type View } from './line'

export interface Recorded {
  pieces: Piece[]
  bands: Band[]
  marks: Mark[]
}

const EMPTY: Recorded = { pieces: [], bands: [], marks: [] }
const AGAIN_MS = 20_000

export function useRecorded(cameras: Ref<string[]>, day: Ref<View>, key: Ref<string>) {
  const byCamera = shallowRef<ReadonlyMap<string, Recorded>>(new Map())
  const loading = ref(false)
  const failure = ref<Problem | null>(null)
  let asked = 0
  let shown = ''

  async function one(camera: string): Promise<[string, Recorded]> {
    const [from, to] = [new Date(day.value.from).toISOString(), new Date(day.value.to).toISOString()]
    const [line, marks] = await Promise.all([recordings.timeline(camera, from, to), recordings.marks(camera, from, to)])
    const pieces = piecesOf(line.items)
    return [camera, { pieces, bands: bandsOf(pieces), marks: marksOf(marks) }]
  }

  async function read(quietly = false): Promise<void> {
    const mine = ++asked
    if (!quietly) {
      loading.value = true
      if (shown !== key.value) byCamera.value = new Map()
    }
    try {
      const found = new Map(await Promise.all(cameras.value.map(one)))
      if (mine !== asked) return
      byCamera.value = found
      shown = key.value
      failure.value = null
    } catch (error) {
      if (mine === asked && !quietly) failure.value = error instanceof Problem ? error : null
    } finally {
      if (mine === asked) loading.value = false
    }
  }

  const timer = window.setInterval(() => {
    const now = Date.now()
    const isToday = day.value.from <= now && now < day.value.to + AGAIN_MS
    if (isToday && document.visibilityState === 'visible' && !loading.value) void read(true)
  }, AGAIN_MS)
  onBeforeUnmount(() => window.clearInterval(timer))

  const of = (camera: string): Recorded => byCamera.value.get(camera) ?? EMPTY
  return { byCamera, loading, failure, read, of }
}

/** Who filmed with which phone on that day, and when; of other cameras nothing is asked. */
export function useFilmed(cameras: Ref<string[]>, day: Ref<View>) {
  const byPhone = shallowRef<ReadonlyMap<string, Filming[]>>(new Map())
  let asked = 0
  watch(
    () => [day.value.from, ...cameras.value.filter(isPhone)].join(),
    async () => {
      const mine = ++asked
      const [from, to] = [new Date(day.value.from).toISOString(), new Date(day.value.to).toISOString()]
      const phones = cameras.value.filter(isPhone)
      try {
        const found = await Promise.all(phones.map((id) => recordings.filmed(id, from, to)))
        if (mine === asked) byPhone.value = new Map(phones.map((id, i) => [id, found[i]!]))
      } catch {
        // its number alone then says which phone it was
        if (mine === asked) byPhone.value = new Map()
      }
    },
    { immediate: true },
  )
  /** Whose phone it was at a moment, in ms. */
  return (id: string, at: number): string | null =>
    byPhone.value.get(id)?.find((f) => Date.parse(f.began_at) <= at + SLACK_MS && at <= endOf(f) + SLACK_MS)?.person ??
    null
}

/** A phone's first picture may come a moment before it is written down who filmed it. */
const SLACK_MS = 5_000
const endOf = (filming: Filming) => (filming.ended_at === null ? Infinity : Date.parse(filming.ended_at))
export const isPhone = (id: string) => /^phone-\d+$/.test(id)

/** The days of which there is something of any of the cameras, from `first` to `last`. */
export function useDays(cameras: Ref<string[]>, first: () => string, last: () => string) {
  const days = shallowRef<ReadonlySet<string>>(new Set())
  let asked = 0
  watch(
    () => cameras.value.join(),
    async () => {
      const mine = ++asked
      try {
        const found = await Promise.all(cameras.value.map((c) => recordings.days(c, first(), last())))
        if (mine === asked) days.value = new Set(found.flat().map((d) => d.day))
      } catch {
        // the picker then offers every day
        if (mine === asked) days.value = new Set()
      }
    },
    { immediate: true },
  )
  return days
}
