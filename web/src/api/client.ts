/**
 * The service's HTTP interface, typed by its OpenAPI schema (`npm run generate`).
 *
 * Promises: every failure is a `Problem` with one sentence in both languages; a lost login is told once to whoever
 * registered with `onLoggedOut`. Not here: the live feeds (`live/`), events (`stores/village.ts`), handling incidents and
 * citizens (`desk.ts`).
 */
import createClient from 'openapi-fetch'
import { i18n, language } from '@/i18n'
import type { components, paths } from './schema'

export type Schemas = components['schemas']
export type Camera = Schemas['Camera']
export type CameraState = Camera['state']
export type Incident = Schemas['Incident']
export type IncidentDetail = Schemas['IncidentDetail']
export type IncidentState = Incident['state']
export type IncidentKind = Incident['kind']
export type Action = Schemas['Action']
export type Site = Schemas['Site']
export type User = Schemas['User']
export type FlowMinutes = Schemas['FlowMinutes']
export type ModelInUse = Schemas['ModelInUse']

let loggedOut: () => void = () => undefined

export function onLoggedOut(tell: () => void): void {
  loggedOut = tell
}

/** What went wrong, for a person. `kind` is the stable name of the problem, `network` when nothing answered. */
export class Problem extends Error {
  constructor(
    readonly kind: string,
    readonly status: number,
    readonly titles: { zh: string; en: string } | null,
    readonly detail: string | null,
  ) {
    super(detail ?? titles?.en ?? kind)
  }

  /** One sentence in the language of the page. */
  get sentence(): string {
    if (this.titles) return this.titles[language()]
    if (this.kind === 'network') return i18n.global.t('error.network')
    return i18n.global.t('error.unknown', { status: this.status || this.kind })
  }
}

export function problemOf(status: number, body: unknown): Problem {
  const p = (typeof body === 'object' && body !== null ? body : {}) as Partial<Schemas['Problem']>
  const titles = p.titles && typeof p.titles.zh === 'string' && typeof p.titles.en === 'string' ? p.titles : null
  const kind = typeof p.type === 'string' ? p.type.replace(/^.*\//, '') : `http-${status}`
  return new Problem(kind, status, titles, typeof p.detail === 'string' ? p.detail : null)
}

export const http = createClient<paths>({ baseUrl: '', credentials: 'same-origin' })

/**
 * The answer, or a `Problem`. The type of the answer is named by the caller: the client's own inference loses the length of
 * points and boxes.
 */
export async function take<T>(asked: Promise<{ data?: unknown; error?: unknown; response: Response }>): Promise<T> {
  let answer: Awaited<typeof asked>
  try {
    answer = await asked
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new Problem('network', 0, null, null)
  }
  if (answer.response.ok) return answer.data as T
  const problem = problemOf(answer.response.status, answer.error)
  if (problem.status === 401 && problem.kind !== 'wrong-password') loggedOut()
  throw problem
}

export interface IncidentQuery {
  state?: 'open' | 'closed' | 'all'
  kind?: IncidentKind
  camera_id?: string
  limit?: number
  before?: string
}

export const api = {
  logIn: (username: string, password: string) =>
    take<Schemas['Session']>(http.POST('/api/session', { body: { username, password } })),
  logOut: () => take<void>(http.DELETE('/api/session')),
  me: () => take<Schemas['Session']>(http.GET('/api/me')),
  site: () => take<Site>(http.GET('/api/site')),
  cameras: () => take<Camera[]>(http.GET('/api/cameras')),
  camera: (camera_id: string) =>
    take<Camera>(http.GET('/api/cameras/{camera_id}', { params: { path: { camera_id } } })),
  incidents: (query: IncidentQuery, signal?: AbortSignal) =>
    take<Schemas['IncidentPage']>(http.GET('/api/incidents', { params: { query }, signal })),
  incident: (incident_id: string) =>
    take<IncidentDetail>(http.GET('/api/incidents/{incident_id}', { params: { path: { incident_id } } })),
  step: (incident_id: string, step: Schemas['Step']) =>
    take<IncidentDetail>(
      http.POST('/api/incidents/{incident_id}/transition', {
        params: { path: { incident_id } },
        body: step,
      }),
    ),
  flow: (from: string, to?: string) =>
    take<FlowMinutes>(http.GET('/api/flow/minutes', { params: { query: { from, to } } })),
  models: () => take<Schemas['Models']>(http.GET('/api/models')),
}

export function snapshotUrl(cameraId: string, nonce: number): string {
  return `/api/cameras/${encodeURIComponent(cameraId)}/snapshot.jpg?t=${nonce}`
}
