/**
 * Moving about in what is on show: to a moment, on and back, from event to event, closer and wider.
 *
 * Promises: the view follows the moment when it is moved or plays out of sight, and stays where somebody put it otherwise.
 * Not here: how a moment is played (`deck.ts`).
 */
import { useMessage } from 'naive-ui'
import { computed, watch } from 'vue'
import { useI18n } from 'vue-i18n'
import { RATES } from './deck'
import { nextFootage, stopAfter, stopBefore, stopsOf, within, zoomed, type Mark } from './line'
import type { Scene } from './scene'

/** An event is looked at from a little before it. */
const LEAD_MS = 3000

export function useMoves(scene: Scene) {
  const { deck, cameras, active, day, view, address } = scene
  const { of } = scene.recorded
  const { t } = useI18n()
  const message = useMessage()

  const stops = computed(() =>
    stopsOf(
      cameras.value.flatMap((id) => of(id).bands),
      cameras.value.flatMap((id) => of(id).marks),
      LEAD_MS,
    ),
  )

  async function seek(at: number): Promise<void> {
    await deck.seek(at)
    address.remember()
  }

  /** Goes to a moment, and moves the view if it lies outside. */
  function go(at: number): void {
    const length = view.value.to - view.value.from
    if (at < view.value.from || at > view.value.to)
      view.value = within({ from: at - length / 2, to: at + length / 2 }, day.value)
    void seek(at)
  }

  function skip(seconds: number): void {
    go(Math.max(day.value.from, Math.min(day.value.to - 1, deck.at.value + seconds * 1000)))
  }

  function jump(direction: 1 | -1): void {
    const at = direction > 0 ? stopAfter(stops.value, deck.at.value) : stopBefore(stops.value, deck.at.value)
    if (at === null) return void message.info(t('playback.noStop'))
    const pieces = cameras.value.map((id) => nextFootage(of(id).pieces, at)).filter((n): n is number => n !== null)
    go(Math.min(...pieces, Infinity) < at + 60_000 ? Math.min(...pieces) : at)
  }

  async function toMark(mark: Mark): Promise<void> {
    const n = cameras.value.indexOf(mark.cameraId)
    if (n >= 0) active.value = n
    const pieces = of(mark.cameraId).pieces
    const at = nextFootage(pieces, mark.at - LEAD_MS)
    go(at !== null && at < mark.raised + 30_000 ? at : mark.at)
    await deck.play()
  }

  function changeRate(step: 1 | -1): void {
    const n = RATES.indexOf(deck.rate.value as (typeof RATES)[number])
    deck.setRate(RATES[Math.max(0, Math.min(RATES.length - 1, n + step))]!)
  }

  function zoom(factor: number): void {
    const around = Math.max(view.value.from, Math.min(view.value.to, deck.at.value))
    view.value = zoomed(view.value, around, factor, day.value)
  }

  function seeWholeDay(): void {
    view.value = { ...day.value }
  }

  /** The view turns a page when the moment leaves it; it stays where somebody moved it. */
  watch(deck.at, (at, before) => {
    if (!deck.playing.value) return
    const { from, to } = view.value
    const edge = to - (to - from) * 0.04
    if (at > edge && before <= edge && to < day.value.to - 1)
      view.value = within({ from: at - (to - from) * 0.1, to: at + (to - from) * 0.9 }, day.value)
  })
  watch(deck.playing, (playing) => {
    if (!playing) address.remember()
  })

  return { seek, go, skip, jump, toMark, changeRate, zoom, seeWholeDay }
}
