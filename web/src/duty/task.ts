/**
 * One task of a grid worker: what it is now, and the steps that are taken with it.
 *
 * Promises: one thing is sent at a time; a step that somebody else overtook is not lost in silence: the task is read again
 * and that is said. Not here: where the worker is (`where.ts`), which step comes next (`DutyTask.vue`).
 */
import { computed, onMounted, ref, watch } from 'vue'
import { useI18n } from 'vue-i18n'
import { api, Problem, type Action, type IncidentDetail } from '@/api/client'
import { desk, type Handling } from '@/api/desk'
import type { Spot } from '@/lib/plan'
import { troubleOf } from '@/lib/reading'
import { useVillage } from '@/stores/village'

export function useTask(id: () => string, onDeclined: () => void) {
  const { t } = useI18n()
  const village = useVillage()
  const handling = ref<Handling | null>(null)
  const detail = ref<IncidentDetail | null>(null)
  const failure = ref<Problem | null>(null)
  const trouble = ref<string | null>(null)
  const news = ref<string | null>(null)
  const busy = ref<Action | 'photo' | null>(null)
  const files = ref<File[]>([])
  /** How much of the photos has gone out, while they do. */
  const share = ref<number | null>(null)
  const incident = computed(() => handling.value?.incident ?? null)

  async function read(): Promise<void> {
    try {
      const [h, d] = await Promise.all([desk.handling(id()), api.incident(id())])
      handling.value = h
      detail.value = d
      failure.value = null
    } catch (error) {
      if (error instanceof Problem) failure.value = error
    }
  }

  /** Takes one step with the version as it was seen; true when it was taken. */
  async function step(action: Action, note: string | null = null, where: Spot | null = null): Promise<boolean> {
    const seen = incident.value
    if (!seen || busy.value) return false
    busy.value = action
    trouble.value = null
    news.value = null
    try {
      const found = await api.step(seen.id, { action, version: seen.version, note, assignees: [], place: where })
      village.take(found)
      news.value = t('duty.done', { what: t(`done.${action}`) })
      if (action === 'decline') onDeclined()
      else await read()
      return true
    } catch (error) {
      if (error instanceof Problem && error.kind === 'stale-incident') {
        await read()
        trouble.value = t('duty.changed')
      } else {
        trouble.value = troubleOf(error)
      }
      return false
    } finally {
      busy.value = null
    }
  }

  async function sendPhotos(purpose: 'on_site' | 'resolution'): Promise<boolean> {
    if (files.value.length === 0) return true
    busy.value = 'photo'
    share.value = 0
    try {
      await desk.photos(id(), files.value, purpose, (done) => (share.value = done))
      files.value = []
      return true
    } catch (error) {
      trouble.value = troubleOf(error)
      return false
    } finally {
      busy.value = null
      share.value = null
    }
  }

  watch(
    () => village.incidentTick,
    () => {
      if (village.lastChanged === null || village.lastChanged.id === id()) void read()
    },
  )
  watch(id, read)
  watch(files, () => (trouble.value = null))
  onMounted(() => void read())

  return { handling, detail, incident, failure, trouble, news, busy, files, share, read, step, sendPhotos }
}
