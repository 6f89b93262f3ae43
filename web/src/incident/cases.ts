/**
 * What belongs to one incident and what does not: a proposal that two are the same is decided, alerts of another event are
 * split off.
 *
 * Promises: whoever looks at the one that goes into another is taken there. Not here: other steps (`steps.ts`).
 */
import { useMessage } from 'naive-ui'
import { h, ref, type Ref } from 'vue'
import { useI18n } from 'vue-i18n'
import { useRouter } from 'vue-router'
import { desk, type Proposal } from '@/api/desk'
import { troubleOf } from '@/lib/reading'
import type { Known } from './known'
import { TROUBLE } from './steps'

export function useCases(id: () => string, { incident, read }: Known, note: Ref<string>) {
  const { t } = useI18n()
  const message = useMessage()
  const router = useRouter()
  /** The proposal that is being decided. */
  const deciding = ref<string | null>(null)
  const splitting = ref(false)
  const splitBusy = ref(false)

  async function decide(proposal: Proposal, merge: boolean): Promise<void> {
    deciding.value = proposal.id
    try {
      await desk.decide(proposal.id, merge)
      message.success(t('handling.decided'))
      const gone = merge && proposal.other.id === id()
      if (gone) await router.push({ name: 'incident', params: { id: proposal.incident.id } })
      else await read()
    } catch (error) {
      message.error(troubleOf(error), TROUBLE)
      await read()
    } finally {
      deciding.value = null
    }
  }

  async function split(alerts: string[]): Promise<void> {
    if (!incident.value) return
    splitBusy.value = true
    try {
      const other = await desk.split(incident.value.id, alerts, incident.value.version, note.value.trim() || null)
      splitting.value = false
      await read()
      message.success(() => linkTo(other.incident.id), { duration: 12_000, closable: true })
    } catch (error) {
      message.error(troubleOf(error), TROUBLE)
      await read()
    } finally {
      splitBusy.value = false
    }
  }

  const linkTo = (otherId: string) =>
    h('a', { href: `/incidents/${otherId}`, style: 'text-decoration: underline' }, t('handling.splitDone'))

  return { deciding, splitting, splitBusy, decide, split }
}
