/**
 * The steps that are taken with an incident, each with its sentence, and the photos that are added to it.
 *
 * Promises: one step at a time; one that somebody else overtook, or that the rules refuse, is told and what was written is
 * kept. Not here: which steps are offered (`StepButtons.vue`), merging and splitting (`cases.ts`).
 */
import { useMessage } from 'naive-ui'
import { ref, watch } from 'vue'
import { useI18n } from 'vue-i18n'
import { api, Problem, type Action, type IncidentState } from '@/api/client'
import { desk } from '@/api/desk'
import { sentenceOf, troubleOf } from '@/lib/reading'
import { useVillage } from '@/stores/village'
import type { Known } from './known'

/** Trouble is read more slowly than a success. */
export const TROUBLE = { duration: 8000, closable: true }

export function useSteps(id: () => string, { incident, read, show }: Known) {
  const { t } = useI18n()
  const message = useMessage()
  const village = useVillage()
  const busy = ref<Action | null>(null)
  const note = ref('')
  /** The state that somebody else has brought it to meanwhile. */
  const conflict = ref<IncidentState | null>(null)
  /** A step that the rules do not allow, or that lacks something: a photo, say. */
  const refused = ref<Problem | null>(null)
  const files = ref<File[]>([])
  /** How much of the photos has gone out, while they do. */
  const share = ref<number | null>(null)

  async function step(action: Action, otherId: string | null, assignees: string[] = []): Promise<void> {
    if (!incident.value || busy.value) return
    busy.value = action
    conflict.value = null
    refused.value = null
    try {
      const found = await api.step(incident.value.id, {
        action,
        version: incident.value.version,
        note: note.value.trim() || null,
        other_id: otherId,
        assignees,
      })
      note.value = ''
      show(found)
      village.take(found)
      void read()
      if (action !== 'close') message.success(t('incident.saved', { action: t(`done.${action}`) }))
    } catch (error) {
      if (error instanceof Problem && error.status === 409) {
        const stale = error.kind === 'stale-incident'
        await read()
        if (stale) conflict.value = incident.value?.state ?? null
        else refused.value = error
      } else {
        message.error(sentenceOf(error), TROUBLE)
      }
    } finally {
      busy.value = null
    }
  }

  async function addPhotos(): Promise<void> {
    if (!incident.value || files.value.length === 0) return
    share.value = 0
    const purpose = ['on_site', 'resolved'].includes(incident.value.state) ? 'resolution' : 'on_site'
    try {
      const added = await desk.photos(incident.value.id, files.value, purpose, (done) => (share.value = done))
      files.value = []
      message.success(t('handling.photosAdded', { n: added.length }))
      await read()
    } catch (error) {
      message.error(troubleOf(error), TROUBLE)
    } finally {
      share.value = null
    }
  }

  watch(id, () => {
    files.value = []
    conflict.value = null
    refused.value = null
    note.value = ''
  })

  return { busy, note, conflict, refused, files, share, step, addPhotos }
}
