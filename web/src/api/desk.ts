/**
 * What the pages of handling, citizens, credit, questions, messages and users ask of the service.
 *
 * Promises: as `client.ts`. Files are sent with their progress, so that somebody on a slow network sees that it goes on.
 */
import { http, Problem, problemOf, take, type Schemas } from './client'

export type Handling = Schemas['Handling']
export type Candidate = Schemas['Candidate']
export type Person = Schemas['Person']
export type Clock = Schemas['Clock']
export type MyAssignment = Schemas['MyAssignment']
export type Proposal = Schemas['Proposal']
export type ReportForm = Schemas['ReportForm']
export type ReportTaken = Schemas['ReportTaken']
export type ReportProgress = Schemas['ReportProgress']
export type ReportSeen = Schemas['ReportSeen']
export type QuestionSeen = Schemas['QuestionSeen']
export type Question = Schemas['QuestionProgress']
export type Canned = Schemas['CannedSeen']
export type Standing = Schemas['CreditStanding']
export type Account = Schemas['CreditAccountSeen']
export type Reward = Schemas['RewardSeen']
export type Tier = Schemas['TierSeen']
export type Channel = Schemas['NotifyChannel']
export type Rule = Schemas['RuleSeen']
export type Delivery = Schemas['DeliverySeen']
export type UserSeen = Schemas['UserSeen']
export type Evidence = Schemas['EvidenceItem']

type OnProgress = (share: number) => void

/** Sends a form; `progress` hears the share that has gone out. An aborted one rejects with the signal's reason. */
export function sendForm<T>(
  url: string,
  form: FormData,
  options: { progress?: OnProgress; headers?: Record<string, string> } = {},
): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open('POST', url)
    request.responseType = 'json'
    request.timeout = 180_000
    for (const [name, value] of Object.entries(options.headers ?? {})) request.setRequestHeader(name, value)
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) options.progress?.(event.loaded / event.total)
    }
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) resolve(request.response as T)
      else reject(problemOf(request.status, request.response))
    }
    request.onerror = request.ontimeout = () => reject(new Problem('network', 0, null, null))
    request.send(form)
  })
}

const of = (id: string) => ({ params: { path: { incident_id: id } } })

export const desk = {
  // handling an incident
  handling: (id: string) => take<Handling>(http.GET('/api/incidents/{incident_id}/handling', of(id))),
  candidates: (id: string) => take<Candidate[]>(http.GET('/api/incidents/{incident_id}/candidates', of(id))),
  mine: () => take<MyAssignment[]>(http.GET('/api/me/assignments')),
  proposals: () => take<Proposal[]>(http.GET('/api/merge-proposals')),
  decide: (proposal_id: string, merge: boolean) =>
    take<void>(http.POST('/api/merge-proposals/{proposal_id}', { params: { path: { proposal_id } }, body: { merge } })),
  split: (id: string, alert_ids: string[], version: number, note: string | null) =>
    take<Handling>(http.POST('/api/incidents/{incident_id}/split', { ...of(id), body: { alert_ids, version, note } })),
  photos: (id: string, files: File[], purpose: 'on_site' | 'resolution', progress?: OnProgress) => {
    const form = new FormData()
    form.set('purpose', purpose)
    for (const file of files) form.append('files', file)
    return sendForm<Evidence[]>(`/api/incidents/${encodeURIComponent(id)}/photos`, form, { progress })
  },
  reply: (incident_id: string, report_id: string, text: string) =>
    take<void>(
      http.POST('/api/incidents/{incident_id}/reports/{report_id}/reply', {
        params: { path: { incident_id, report_id } },
        body: { text },
      }),
    ),
  staff: () => take<Person[]>(http.GET('/api/staff')),
  kinds: () => take<Schemas['KindInfo'][]>(http.GET('/api/kinds')),

  // citizens
  form: () => take<ReportForm>(http.GET('/api/report-form')),
  progress: (code: string) => take<ReportProgress>(http.GET('/api/reports/{code}', { params: { path: { code } } })),
  withdraw: (code: string) => take<ReportProgress>(http.DELETE('/api/reports/{code}', { params: { path: { code } } })),
  rate: (code: string, stars: number, sentence: string) =>
    take<ReportProgress>(
      http.POST('/api/reports/{code}/rating', { params: { path: { code } }, body: { stars, sentence } }),
    ),

  // questions
  ask: (text: string, contact: string | null) =>
    take<Schemas['QuestionTaken']>(http.POST('/api/questions', { body: { text, contact } })),
  myQuestion: (code: string) =>
    take<Question>(http.GET('/api/questions/by-code/{code}', { params: { path: { code } } })),
  questions: (state: 'waiting' | 'answered', limit = 100) =>
    take<QuestionSeen[]>(http.GET('/api/questions', { params: { query: { state, limit } } })),
  canned: () => take<Canned[]>(http.GET('/api/questions/canned')),
  questionFigures: (days: number) =>
    take<Schemas['QuestionFigures']>(http.GET('/api/questions/figures', { params: { query: { days } } })),
  answer: (question_id: string, text: string, canned_id: string | null) =>
    take<QuestionSeen>(
      http.POST('/api/questions/{question_id}/answer', {
        params: { path: { question_id } },
        body: { text, canned_id },
      }),
    ),
  assignQuestion: (question_id: string, user_id: string) =>
    take<QuestionSeen>(
      http.POST('/api/questions/{question_id}/assign', { params: { path: { question_id } }, body: { user_id } }),
    ),

  // credit
  standings: () => take<Standing[]>(http.GET('/api/credit/accounts', { params: { query: { limit: 500 } } })),
  account: (account_id: string) =>
    take<Account>(http.GET('/api/credit/accounts/{account_id}', { params: { path: { account_id } } })),
  myCredit: () => take<Account>(http.GET('/api/credit/me')),
  findAccount: (wish: { phone?: string; code?: string }) =>
    take<Account>(http.POST('/api/credit/lookup', { body: wish })),
  catalogue: () => take<Reward[]>(http.GET('/api/credit/catalogue')),
  tiers: () => take<Tier[]>(http.GET('/api/credit/tiers')),
  redeem: (account_id: string, item_id: string, key: string) =>
    take<Schemas['RedemptionSeen']>(
      http.POST('/api/credit/accounts/{account_id}/redemptions', {
        params: { path: { account_id } },
        body: { item_id, key },
      }),
    ),
  redeemMine: (item_id: string, key: string) =>
    take<Schemas['RedemptionSeen']>(http.POST('/api/credit/me/redemptions', { body: { item_id, key } })),
  award: (account_id: string, points: number, note: string, key: string) =>
    take<Account>(
      http.POST('/api/credit/accounts/{account_id}/awards', {
        params: { path: { account_id } },
        body: { points, note, key },
      }),
    ),
  reverse: (entry_id: number, note: string) =>
    take<void>(
      http.POST('/api/credit/entries/{entry_id}/reversal', { params: { path: { entry_id } }, body: { note } }),
    ),
  restock: (item_id: string, change: number) =>
    take<Reward>(
      http.POST('/api/credit/catalogue/{item_id}/stock', { params: { path: { item_id } }, body: { change } }),
    ),

  // figures
  figures: (days: number) =>
    take<Schemas['GovernanceSeen']>(http.GET('/api/figures/governance', { params: { query: { days } } })),

  // messages
  channels: () => take<Channel[]>(http.GET('/api/notifications/channels')),
  rules: () => take<Schemas['NotifyRules']>(http.GET('/api/notifications/rules')),
  deliveries: (state: Delivery['state'] | null) =>
    take<Delivery[]>(
      http.GET('/api/deliveries', {
        params: { query: { limit: 100, ...(state ? { state: state as 'waiting' } : {}) } },
      }),
    ),
  test: (channel_id: string) => take<Delivery>(http.POST('/api/notifications/test', { body: { channel_id } })),
  retry: (delivery_id: string) =>
    take<Delivery>(http.POST('/api/deliveries/{delivery_id}/retry', { params: { path: { delivery_id } } })),
  pushKey: () => take<Schemas['PushKey']>(http.GET('/api/push/key')),
  subscribe: (wish: Schemas['PushWish']) => take<void>(http.POST('/api/push/subscriptions', { body: wish })),
  unsubscribe: (endpoint: string) =>
    take<void>(http.DELETE('/api/push/subscriptions', { params: { query: { endpoint } } })),

  // users
  users: () => take<UserSeen[]>(http.GET('/api/users')),
  makeUser: (wish: Schemas['NewUser']) => take<UserSeen>(http.POST('/api/users', { body: wish })),
  changeUser: (user_id: string, change: Partial<Schemas['UserChange']>) =>
    take<UserSeen>(http.PATCH('/api/users/{user_id}', { params: { path: { user_id } }, body: change })),
  changeMyPassword: (current: string, next: string) =>
    take<void>(http.POST('/api/me/password', { body: { current, new: next } })),
}
