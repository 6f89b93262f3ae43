/**
 * One incident with its handling, as it stands now, for the page that shows it.
 *
 * Promises: an older version never replaces a newer one; what was read stays on show when a later reading fails; the seal is
 * fresh for a moment when the incident closes while it is on show. Not here: what is done about it (`steps.ts`, `cases.ts`).
 */
import { onBeforeUnmount, ref, watch } from 'vue'
import { api, Problem, type IncidentDetail } from '@/api/client'
import { desk, type Handling } from '@/api/desk'
import { useVillage } from '@/stores/village'

/** As long as the seal is pressed. */
const SEAL_MS = 1500

export type Known = ReturnType<typeof useIncident>

export function useIncident(id: () => string) {
  const village = useVillage()
  const incident = ref<IncidentDetail | null>(null)
  /** Who is on it, its clock, what citizens said, what it may be the same as. */
  const handling = ref<Handling | null>(null)
  const failure = ref<Problem | null>(null)
  const sealFresh = ref(false)
  let sealTimer: number | null = null
  let asked = 0

  async function read(): Promise<void> {
    const mine = ++asked
    try {
      const [found, more] = await Promise.all([api.incident(id()), desk.handling(id()).catch(() => null)])
      if (mine !== asked) return
      handling.value = more ?? handling.value
      show(found)
    } catch (error) {
      if (mine === asked && error instanceof Problem) failure.value = error
    }
  }

  function show(found: IncidentDetail): void {
    const before = incident.value
    if (before && before.id === found.id && before.version > found.version) return
    if (before && before.id === found.id && before.state !== 'closed' && found.state === 'closed') pressSeal()
    incident.value = found
    failure.value = null
  }

  function pressSeal(): void {
    sealFresh.value = true
    if (sealTimer !== null) window.clearTimeout(sealTimer)
    sealTimer = window.setTimeout(() => (sealFresh.value = false), SEAL_MS)
  }

  watch(
    id,
    () => {
      incident.value = null
      handling.value = null
      failure.value = null
      void read()
    },
    { immediate: true },
  )
  watch(
    () => village.lastChanged,
    (changed) => {
      // also without a new version something was said: a reporter's addition, a photo
      if (changed?.id === id()) void read()
    },
  )
  watch(
    () => village.incidentTick,
    () => {
      if (village.lastChanged === null) void read()
    },
  )
  onBeforeUnmount(() => {
    if (sealTimer !== null) window.clearTimeout(sealTimer)
  })

  return { incident, handling, failure, sealFresh, read, show }
}
