import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { Camera, Incident } from '@/api/client'
import * as alarm from '@/lib/alarm'
import { filmedBy, ordered, stillThere, useVillage } from '@/stores/village'

const incident = (id: string, more: Partial<Incident> = {}): Incident => ({
  id,
  kind: 'fire',
  state: 'new',
  severity: 4,
  camera_id: 'gate',
  place: null,
  summary: { zh: '火', en: 'fire' },
  opened_at: '2026-11-24T10:00:00Z',
  last_alert_at: '2026-11-24T10:00:00Z',
  closed_at: null,
  version: 1,
  alert_count: 1,
  picture_url: null,
  actions: [],
  ...more,
})
const event = (kind: string, body: object) => JSON.stringify({ kind, at: '2026-11-24T10:00:00Z', ...body })

beforeEach(() => {
  setActivePinia(createPinia())
  vi.restoreAllMocks()
})

describe('the list of open incidents', () => {
  it('follows events: opened, changed, ended', () => {
    const village = useVillage()
    village.hear('incident.opened', event('incident.opened', { incident: incident('a') }))
    village.hear(
      'incident.changed',
      event('incident.changed', { incident: incident('a', { state: 'confirmed', version: 2 }) }),
    )
    expect(village.open).toMatchObject([{ id: 'a', state: 'confirmed' }])
    expect(village.openByCamera.get('gate')).toHaveLength(1)
    village.hear(
      'incident.changed',
      event('incident.changed', { incident: incident('a', { state: 'closed', version: 3 }) }),
    )
    expect(village.open).toEqual([])
  })

  it('is not set back by an event that was overtaken', () => {
    const village = useVillage()
    village.take(incident('a', { state: 'confirmed', version: 5 }))
    village.take(incident('a', { state: 'new', version: 4 }))
    expect(village.open[0]).toMatchObject({ state: 'confirmed', version: 5 })
  })

  it('is unmoved by what it cannot read', () => {
    const village = useVillage()
    village.hear('incident.opened', 'not json')
    expect(village.open).toEqual([])
  })

  it('rings once for a new fire, and not for a crowd', () => {
    const ring = vi.spyOn(alarm, 'ring').mockImplementation(() => undefined)
    const village = useVillage()
    village.take(incident('a'))
    village.take(incident('a', { version: 2, alert_count: 2 }))
    village.take(incident('b', { kind: 'crowd', severity: 2 }))
    expect(ring).toHaveBeenCalledTimes(1)
  })

  it('puts untouched fire first and what only waits to be closed last', () => {
    const list = [
      incident('done', { state: 'resolved' }),
      incident('crowd', { kind: 'crowd', severity: 2 }),
      incident('known', { state: 'confirmed' }),
      incident('old', { opened_at: '2026-11-24T09:00:00Z' }),
      incident('fresh'),
    ]
    expect(ordered(list).map((i) => i.id)).toEqual(['fresh', 'old', 'crowd', 'known', 'done'])
  })

  it('replaces a camera whose state changed', () => {
    const village = useVillage()
    const camera = (state: string) => ({ id: 'gate', enabled: true, state }) as never
    village.cameras = [camera('online')]
    expect(village.online).toBe(1)
    village.hear('camera.state', event('camera.state', { camera: camera('offline') }))
    expect(village.online).toBe(0)
  })
})

describe('phones that film', () => {
  const phone = (is_live: boolean, since: string | null = '2026-11-24T10:00:00.250000Z') =>
    ({ id: 'phone-1', phone: { is_live, person: 'Wang', person_id: '1', since } }) as Camera

  it('come when they begin and go when they end, without the list being read again', () => {
    const village = useVillage()
    village.cameras = [{ id: 'gate', phone: null } as Camera]
    for (const [live, ids] of [
      [true, ['gate', 'phone-1']],
      [true, ['gate', 'phone-1']],
      [false, ['gate']],
      [false, ['gate']],
    ] as const) {
      village.hear('camera.state', event('camera.state', { camera: phone(live) }))
      expect(village.cameras.map((c) => c.id)).toEqual(ids)
      expect(village.phones).toHaveLength(live ? 1 : 0)
    }
  })

  it('are not taken for the place of an incident that somebody else filmed before', () => {
    const seen = incident('a', { camera_id: 'phone-1', last_alert_at: '2026-11-24T10:00:00Z' })
    expect(stillThere(seen, phone(true))).toBeNull()
    expect(stillThere(seen, phone(true, '2026-11-24T09:59:00.5Z'))?.id).toBe('phone-1')
    expect(stillThere(seen, { id: 'gate', phone: null } as Camera)?.id).toBe('gate')
    expect(stillThere(seen, undefined)).toBeNull()
    const village = useVillage()
    village.cameras = [phone(true)]
    village.take(seen)
    expect([village.seenBy(seen), village.openByCamera.size]).toEqual([null, 0])
    expect(filmedBy({ ...seen, summary: { zh: '王芳的手机：火', en: "Wang's phone: fire" } }, 'en')).toBe(
      "Wang's phone",
    )
    expect(filmedBy(incident('b'), 'zh')).toBeNull()
  })
})
