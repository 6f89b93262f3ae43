/** What the pages ask of the service about calls. Being in one is `call/client.ts`. */
import type { CallSeen, CallWish } from '@/call/words'
import { http, take, type Schemas } from './client'

const of = (call_id: string) => ({ params: { path: { call_id } } })
const whole = (wish: CallWish): Schemas['CallWish'] => ({ users: [], households: [], desk: false, ...wish })

export const calls = {
  start: (incident_id: string, wish: CallWish) =>
    take<Schemas['CallAsked']>(
      http.POST('/api/incidents/{incident_id}/calls', { params: { path: { incident_id } }, body: whole(wish) }),
    ),
  ofIncident: (incident_id: string) =>
    take<CallSeen[]>(http.GET('/api/incidents/{incident_id}/calls', { params: { path: { incident_id } } })),
  ask: (call_id: string, wish: CallWish) =>
    take<Schemas['CallAsked']>(http.POST('/api/calls/{call_id}/invitations', { ...of(call_id), body: whole(wish) })),
  decline: (call_id: string) => take<void>(http.POST('/api/calls/{call_id}/decline', of(call_id))),
  end: (call_id: string) => take<void>(http.POST('/api/calls/{call_id}/end', of(call_id))),
  remove: (call_id: string, person_id: string) =>
    take<void>(http.DELETE('/api/calls/{call_id}/people/{person_id}', { params: { path: { call_id, person_id } } })),
  guest: (token: string) => take<Schemas['GuestSeen']>(http.POST('/api/calls/guest', { body: { token } })),
  guestDecline: (token: string) => take<void>(http.POST('/api/calls/guest/decline', { body: { token } })),
}
