/**
 * The address of the playback page: the cameras and the day or moment that it asks for, and what it says of those on show,
 * so that it can be sent to somebody.
 *
 * Promises: what the page itself wrote there is not taken for a link that somebody followed. Not here: what is on show.
 */
import { onBeforeUnmount, watch, type Ref } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import { isDay } from './day'

/** Who plays or drags changes the moment many times a second. */
const CALM_MS = 400

export type Address = ReturnType<typeof useAddress>

export function useAddress(shown: { cameras: Ref<string[]>; at: Ref<number>; most: number }) {
  const route = useRoute()
  const router = useRouter()
  let written = ''
  let timer: number | null = null

  const cameras = (): string[] =>
    String(route.query.camera ?? '')
      .split(',')
      .filter(Boolean)
      .slice(0, shown.most)

  const day = (): string | null => (isDay(route.query.day) ? route.query.day : null)

  const moment = (): number | null => {
    const at = Date.parse(String(route.query.at ?? ''))
    return Number.isNaN(at) ? null : at
  }

  /** Writes, a little later, which cameras and which moment are on show by then. */
  function remember(): void {
    if (timer !== null) window.clearTimeout(timer)
    timer = window.setTimeout(() => {
      timer = null
      if (route.name !== 'recordings') return
      const at = new Date(Math.round(shown.at.value / 1000) * 1000).toISOString().replace('.000', '')
      const query = { camera: shown.cameras.value.join(','), at }
      if (route.query.camera === query.camera && route.query.at === at) return
      written = JSON.stringify(query)
      void router.replace({ query })
    }, CALM_MS)
  }

  function sayDay(key: string): void {
    void router.replace({ query: { camera: shown.cameras.value.join(','), day: key } })
  }

  /** A link to another moment, from elsewhere. */
  function onLink(follow: () => void): void {
    watch(
      () => route.query,
      (query) => {
        if (route.name === 'recordings' && JSON.stringify(query) !== written) follow()
      },
    )
  }

  onBeforeUnmount(() => {
    if (timer !== null) window.clearTimeout(timer)
  })
  return { cameras, day, moment, remember, sayDay, onLink }
}
