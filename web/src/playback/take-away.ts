/**
 * What is taken away from playback: a still picture, and a clip between two marks of each camera on show.
 *
 * Promises: a clip that could not be cut says why. Not here: the cutting, which the service does, with its SHA-256.
 */
import { useMessage } from 'naive-ui'
import { ref } from 'vue'
import { useI18n } from 'vue-i18n'
import { recordings } from '@/api/recordings'
import type { Export } from '@/components/playback/ExportList.vue'
import { download } from '@/lib/download'
import { clockTime, dayKey } from '@/lib/format'
import { sentenceOf } from '@/lib/reading'
import { useVillage } from '@/stores/village'
import type { Scene } from './scene'

const LONGEST_CLIP_MS = 15 * 60_000
const SHORTEST_CLIP_MS = 200

export function useTakeAway({ deck, panes, shown, range }: Scene, nameOf: (id: string) => string) {
  const { t } = useI18n()
  const village = useVillage()
  const message = useMessage()
  const exports = ref<Export[]>([])
  const cutting = ref(false)

  function stamp(at: number): string {
    const time = clockTime(new Date(at), 'en', village.zone).replaceAll(':', '')
    return `${dayKey(new Date(at), village.zone).replaceAll('-', '')}T${time}`
  }

  async function snapshot(id: string | null): Promise<void> {
    const pane = id ? panes.get(id) : null
    const blob = await pane?.snapshot()
    if (!id || !blob) return void message.info(t('playback.noPicture'))
    const name = `${id}-${stamp(pane?.now ?? deck.at.value)}.jpg`
    download(blob, name)
    message.success(t('playback.snapshotOf', { name }))
  }

  function setEdge(edge: 'from' | 'to'): void {
    const next = { ...range.value, [edge]: deck.at.value }
    // an in point after the out point, or the other way round, begins anew
    if (next.from !== null && next.to !== null && next.from >= next.to) next[edge === 'from' ? 'to' : 'from'] = null
    range.value = next
  }

  async function exportClip(): Promise<void> {
    const { from, to } = range.value
    if (from === null || to === null || to - from < SHORTEST_CLIP_MS) return void message.info(t('playback.exportHint'))
    if (to - from > LONGEST_CLIP_MS) return void message.warning(t('playback.tooLong'))
    cutting.value = true
    for (const id of shown.value) {
      const key = Date.now() + Math.random()
      exports.value.unshift({ key, name: nameOf(id), from, to, receipt: null, problem: null })
      const item = exports.value[0]!
      try {
        item.receipt = await recordings.prepareClip(id, new Date(from).toISOString(), new Date(to).toISOString())
      } catch (error) {
        item.problem = sentenceOf(error)
      }
    }
    cutting.value = false
  }

  return { exports, cutting, snapshot, setEdge, exportClip }
}
