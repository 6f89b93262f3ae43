/**
 * The village as it stands now: site, cameras, open incidents, kept fresh by the service's events.
 *
 * Promises: whoever reads these refs sees every change without asking; after a gap in the events the lists are read again.
 * Not here: closed incidents (their page asks for them), live pictures.
 */
import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import { api, type Camera, type Incident, type Schemas, type Site } from '@/api/client'
import { ring } from '@/lib/alarm'
import { WATCHERS } from '@/nav'
import { useSession } from './session'

const ENDED = new Set(['closed', 'false_alarm', 'duplicate'])
/** Figures of cameras (frame rates) change without an event; read them this often. */
const CAMERAS_EVERY_MS = 15_000
const MODELS_EVERY_MS = 60_000
const AGAIN_MS = 4_000
/** An incident opened within this of now is new enough to pulse and to ring. */
export const FRESH_MS = 90_000

export type Link = 'connecting' | 'open' | 'lost'

export const useVillage = defineStore('village', () => {
  const site = shallowRef<Site | null>(null)
  const cameras = ref<Camera[]>([])
  const open = ref<Incident[]>([])
  const models = shallowRef<Schemas['Models'] | null>(null)
  const link = ref<Link>('connecting')
  const loaded = ref(false)
  const failure = ref<unknown>(null)
  /** Grows with each change of any incident; pages that show ended ones read again. */
  const incidentTick = ref(0)
  const lastChanged = shallowRef<Incident | null>(null)

  let source: EventSource | null = null
  let cameraTimer: number | null = null
  let modelTimer: number | null = null
  let started = false
  let gap = false
  const rung = new Set<string>()

  const byId = computed(() => new Map(cameras.value.map((c) => [c.id, c])))
  const openByCamera = computed(() => {
    const map = new Map<string, Incident[]>()
    for (const incident of open.value) {
      if (incident.camera_id === null || (byId.value.has(incident.camera_id) && !seenBy(incident))) continue
      map.set(incident.camera_id, [...(map.get(incident.camera_id) ?? []), incident])
    }
    return map
  })
  /** The camera that saw an incident, if it shows the place still. */
  const seenBy = (incident: Incident) =>
    incident.camera_id === null ? null : stillThere(incident, byId.value.get(incident.camera_id))
  const phones = computed(() => cameras.value.filter((c) => c.phone))
  const watched = computed(() => cameras.value.filter((c) => c.enabled))
  const online = computed(() => watched.value.filter((c) => c.state === 'online' || c.state === 'degraded').length)
  const zone = computed(() => site.value?.timezone ?? 'Asia/Shanghai')

  async function start(): Promise<void> {
    if (started) return
    started = true
    listen()
    cameraTimer = window.setInterval(() => void readCameras().catch(() => undefined), CAMERAS_EVERY_MS)
    modelTimer = window.setInterval(() => void readModels(), MODELS_EVERY_MS)
    await refresh()
  }

  async function refresh(): Promise<void> {
    try {
      // what is known of the village does not wait for a process that is slow to say which models it has
      await Promise.all([readSite(), readCameras(), readOpen(), readModels()])
      loaded.value = true
      failure.value = null
    } catch (error) {
      failure.value = error
    }
  }

  async function readSite(): Promise<void> {
    site.value = await api.site()
  }

  async function readCameras(): Promise<void> {
    cameras.value = await api.cameras()
  }

  async function readModels(): Promise<void> {
    models.value = await api.models().catch(() => null)
  }

  async function readOpen(): Promise<void> {
    const role = useSession().user?.role
    if (role === undefined || !WATCHERS.includes(role)) return
    const items: Incident[] = []
    let before: string | undefined
    do {
      const page = await api.incidents({ state: 'open', limit: 200, before })
      items.push(...page.items)
      before = page.next ?? undefined
    } while (before && items.length < 1000)
    open.value = ordered(items)
    for (const i of items) rung.add(i.id)
  }

  function listen(): void {
    const mine = new EventSource('/api/events')
    source = mine
    mine.onopen = () => {
      link.value = 'open'
      if (gap) void catchUp()
      gap = false
    }
    mine.onerror = () => {
      gap = true
      link.value = 'lost'
      // Refused outright, the browser does not try again by itself.
      if (mine.readyState === EventSource.CLOSED) window.setTimeout(() => void listenAgain(mine), AGAIN_MS)
    }
    for (const kind of ['incident.opened', 'incident.changed', 'camera.state', 'resync']) {
      mine.addEventListener(kind, (event) => hear(kind, (event as MessageEvent<string>).data))
    }
  }

  async function listenAgain(closed: EventSource): Promise<void> {
    if (source !== closed) return
    await api.me().catch(() => undefined) // a lost login shows the login page instead
    if (source === closed) listen()
  }

  async function catchUp(): Promise<void> {
    await refresh()
    incidentTick.value += 1
  }

  function hear(kind: string, data: string): void {
    let body: unknown
    try {
      body = JSON.parse(data)
    } catch {
      return
    }
    if (kind === 'resync') {
      void catchUp()
    } else if (kind === 'camera.state') {
      const { camera } = body as Schemas['CameraStateEvent']
      // a phone comes when it films, and goes when it films no more
      if (camera.phone?.is_live === false) cameras.value = cameras.value.filter((c) => c.id !== camera.id)
      else if (camera.phone && !byId.value.has(camera.id)) cameras.value = [...cameras.value, camera]
      else cameras.value = cameras.value.map((c) => (c.id === camera.id ? camera : c))
    } else {
      take((body as Schemas['IncidentEvent']).incident)
    }
  }

  /** Takes in the newest version of an incident, from an event or from an answer. */
  function take(incident: Incident): void {
    const known = open.value.find((i) => i.id === incident.id)
    if (known && known.version > incident.version) return
    const others = open.value.filter((i) => i.id !== incident.id)
    open.value = ENDED.has(incident.state) ? others : ordered([incident, ...others])
    lastChanged.value = incident
    incidentTick.value += 1
    if (!rung.has(incident.id) && incident.state === 'new' && isUrgent(incident)) ring()
    rung.add(incident.id)
  }

  function stop(): void {
    started = false
    gap = false
    source?.close()
    source = null
    if (cameraTimer !== null) window.clearInterval(cameraTimer)
    if (modelTimer !== null) window.clearInterval(modelTimer)
    cameraTimer = modelTimer = null
    cameras.value = []
    open.value = []
    models.value = null
    site.value = null
    loaded.value = false
    link.value = 'connecting'
    rung.clear()
  }

  return {
    site,
    cameras,
    open,
    models,
    link,
    loaded,
    failure,
    incidentTick,
    lastChanged,
    byId,
    openByCamera,
    seenBy,
    phones,
    watched,
    online,
    zone,
    start,
    stop,
    refresh,
    take,
    hear,
  }
})

/**
 * The camera that an incident was seen by, if it shows the place still: a phone that began to film after the incident's
 * last alert is somebody else's, somewhere else.
 */
export function stillThere(incident: Incident, camera: Camera | null | undefined): Camera | null {
  if (!camera?.phone) return camera ?? null
  return Date.parse(camera.phone.since ?? '') <= Date.parse(incident.last_alert_at) ? camera : null
}

/** Whose phone saw it, as the incident's sentence begins; null where no phone did. */
export function filmedBy(incident: Incident, language: 'zh' | 'en'): string | null {
  if (!/^phone-\d+$/.test(incident.camera_id ?? '')) return null
  return incident.summary[language].split(/：|: /)[0] ?? null
}

export function isUrgent(incident: Incident): boolean {
  return incident.kind === 'fire' || incident.kind === 'smoke' || incident.severity >= 4
}

export function isEnded(state: string): boolean {
  return ENDED.has(state)
}

/** What needs somebody most comes first: untouched fire, then by severity, then the newest. */
export function ordered(incidents: Incident[]): Incident[] {
  const weight = (i: Incident) =>
    (i.state === 'new' ? 100 : i.state === 'resolved' ? -50 : 0) + (isUrgent(i) ? 40 : 0) + i.severity
  return [...incidents].sort((a, b) => weight(b) - weight(a) || b.opened_at.localeCompare(a.opened_at))
}
