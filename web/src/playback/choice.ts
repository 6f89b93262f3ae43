/**
 * The cameras one may look back at, by group, and their names.
 *
 * Promises: a phone that films no more is offered as long as there is something of it. Not here: which are on show.
 */
import { computed, type Ref } from 'vue'
import { useI18n } from 'vue-i18n'
import type { Storage } from '@/api/recordings'
import { said } from '@/i18n'
import { useVillage } from '@/stores/village'
import { isPhone } from './recorded'
import type { Scene } from './scene'

export function useChoice({ cameras, isFull }: Scene, storage: Ref<Storage | null>) {
  const { t } = useI18n()
  const village = useVillage()

  function nameOf(id: string): string {
    const camera = village.byId.get(id)
    if (camera && !camera.phone) return said(camera.name)
    return isPhone(id) ? t('film.slot', { n: id.slice('phone-'.length) }) : id
  }

  const option = (id: string) => ({
    label: nameOf(id),
    value: id,
    disabled: isFull.value && !cameras.value.includes(id),
  })
  const earlierPhones = computed(() => (storage.value?.cameras ?? []).map((c) => c.camera_id).filter(isPhone))
  const options = computed(() =>
    [
      ...(village.site?.groups ?? []).map((group) => ({
        type: 'group' as const,
        key: group.id,
        label: said(group.name),
        children: village.cameras.filter((c) => c.group === group.id && !c.phone).map((c) => option(c.id)),
      })),
      {
        type: 'group' as const,
        key: 'earlier-phones',
        label: t('film.earlier'),
        children: earlierPhones.value.map(option),
      },
    ].filter((group) => group.children.length > 0),
  )

  return { nameOf, options }
}
