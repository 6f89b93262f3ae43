/**
 * Where the worker is on the plan, as the phone says.
 *
 * Promises: the phone is not asked for leave before the worker wants to be found; with leave given earlier the place is
 * followed as long as the page is open. Not here: the plan and the globe (`lib/plan.ts`).
 */
import { onBeforeUnmount, onMounted, ref } from 'vue'
import { locate, onPlan, type Globe, type Spot } from '@/lib/plan'

/** A location this young is where the worker is; one this old will do when there is no newer. */
const FRESH_MS = 15_000
const RECENT_MS = 120_000
const PATIENCE_MS = 8_000

export function useWhere(globe: () => Globe) {
  const me = ref<Spot | null>(null)
  /** When `me` was so, in ms. */
  let meAt = 0
  let watching: number | null = null

  function here(latitude: number, longitude: number): Spot | null {
    me.value = onPlan(globe(), latitude, longitude)
    meAt = Date.now()
    return me.value
  }

  const isMe = (withinMs: number): Spot | null => (Date.now() - meAt <= withinMs ? me.value : null)

  /** Null when the phone does not say, or is not in the village. */
  async function find(): Promise<Spot | null> {
    const fresh = isMe(FRESH_MS)
    if (fresh) return fresh
    try {
      const { latitude, longitude } = await locate(PATIENCE_MS)
      return here(latitude, longitude)
    } catch {
      // indoors a phone may give nothing new: where it was a moment ago will do
      return isMe(RECENT_MS)
    }
  }

  onMounted(() => {
    if (!('permissions' in navigator && 'geolocation' in navigator)) return
    void navigator.permissions.query({ name: 'geolocation' }).then(
      (found) => {
        if (found.state !== 'granted') return
        watching = navigator.geolocation.watchPosition(
          ({ coords }) => here(coords.latitude, coords.longitude),
          () => undefined,
          { enableHighAccuracy: true },
        )
      },
      () => undefined,
    )
  })
  onBeforeUnmount(() => {
    if (watching !== null) navigator.geolocation.clearWatch(watching)
  })

  return { me, find }
}
