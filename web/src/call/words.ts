/** What calls are made of, as the service says it; and how somebody stands in one. Not here: anything that acts. */
import type { Schemas } from '@/api/client'

export type CallSeen = Schemas['CallSeen']
export type CallPerson = Schemas['CallPerson']
export type CallWish = Partial<Schemas['CallWish']>
export type CallLink = Schemas['CallLink']
export type IceServer = Schemas['IceServer']
export type Welcome = Schemas['CallWelcome']

/** What one page sends another, by way of the service. */
export type Signal = { description: RTCSessionDescriptionInit } | { candidate: RTCIceCandidateInit }

/** Why a call is over for this page; the last ones are refusals. */
export type Farewell =
  'over' | 'hung_up' | 'elsewhere' | 'removed' | 'logged_out' | 'lost' | 'not_asked' | 'full' | 'taken' | 'refused'

export const isPending = (person: CallPerson) => person.state === 'invited' || person.state === 'ringing'
export const isPresent = (person: CallPerson) => person.state === 'joined' || person.state === 'lost'

export function personOf(call: CallSeen, userId: string | null | undefined): CallPerson | null {
  return call.people.find((p) => p.user_id !== null && p.user_id === userId) ?? null
}
