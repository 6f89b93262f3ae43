/**
 * The calls that concern whoever is logged in: what rings, what is under way, and the one this page is in.
 *
 * Promises: one call at a time on a page; it goes on while one moves between pages, and is taken up again when the page is
 * loaded anew; a call that rings is heard until it is answered, declined or over. Not here: sound and picture
 * (`call/client.ts`).
 */
import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'
import { calls as ask } from '@/api/calls'
import { CallBell } from '@/call/bell'
import { CallClient } from '@/call/client'
import { exposeCall } from '@/call/expose'
import { isPending, isPresent, personOf, type CallLink, type CallSeen, type CallWish } from '@/call/words'
import { startRinging } from '@/lib/alarm'
import { DESK, FIELD } from '@/nav'
import { useSession } from './session'

const KEPT = 'vbrain.call'

export const useCalls = defineStore('calls', () => {
  const session = useSession()
  const known = shallowRef<ReadonlyMap<string, CallSeen>>(new Map())
  const active = shallowRef<CallClient | null>(null)
  /** Links of households, as long as the page that asked them is open: they are shown to nobody else, nor again. */
  const links = ref<Record<string, CallLink[]>>({})
  const isLarge = ref(false)
  const bell = new CallBell(take)
  let stopRinging: (() => void) | null = null

  const mayCall = computed(() => session.user !== null && [...DESK, ...FIELD].includes(session.user.role))
  const mine = (call: CallSeen) => personOf(call, session.user?.id)
  const ringing = computed(() =>
    [...known.value.values()].filter((call) => {
      const me = mine(call)
      return me !== null && isPending(me) && active.value?.view.value.call.id !== call.id
    }),
  )

  function start(): void {
    if (mayCall.value) bell.start()
  }

  function stop(): void {
    bell.stop()
    active.value?.hangUp()
    active.value = null
    known.value = new Map()
    links.value = {}
  }

  function take(calls: CallSeen[], isAll: boolean): void {
    const next = new Map(isAll ? [] : known.value)
    for (const call of calls) {
      if (call.ended_at === null) next.set(call.id, call)
      else next.delete(call.id)
    }
    known.value = next
    if (isAll) takeUp()
  }

  /** This tab was in a call when it was loaded anew. */
  function takeUp(): void {
    const call = known.value.get(kept() ?? '')
    const me = call ? mine(call) : null
    if (call && me && isPresent(me) && active.value === null) join(call, !me.camera_off)
    else if (active.value === null) keep(null)
  }

  function join(call: CallSeen, withCamera: boolean): CallClient {
    if (active.value && active.value.view.value.farewell === null) active.value.hangUp()
    const client = new CallClient({ call, withCamera })
    active.value = client
    keep(call.id)
    void client.start()
    return client
  }

  async function call(incidentId: string, wish: CallWish, withCamera: boolean): Promise<void> {
    const asked = await ask.start(incidentId, wish)
    keepLinks(asked.call.id, asked.links)
    join(asked.call, withCamera)
  }

  async function more(callId: string, wish: CallWish): Promise<void> {
    const asked = await ask.ask(callId, wish)
    keepLinks(callId, asked.links)
  }

  async function decline(callId: string): Promise<void> {
    const call = known.value.get(callId)
    if (call) {
      // silent at once, whatever the network does
      const next = new Map(known.value)
      next.delete(callId)
      known.value = next
    }
    await ask.decline(callId).catch(() => undefined)
  }

  function hangUp(): void {
    active.value?.hangUp()
    dismiss()
  }

  /** Puts away a call that is over. */
  function dismiss(): void {
    active.value = null
    isLarge.value = false
    keep(null)
  }

  function keepLinks(callId: string, found: CallLink[]): void {
    if (found.length) links.value = { ...links.value, [callId]: [...(links.value[callId] ?? []), ...found] }
  }

  watch(
    () => ringing.value.length > 0,
    (rings) => {
      stopRinging?.()
      stopRinging = rings ? startRinging() : null
    },
  )
  watch(active, exposeCall)
  watch(mayCall, (may) => (may ? start() : stop()), { immediate: true })

  return {
    known,
    active,
    links,
    isLarge,
    ringing,
    mayCall,
    mine,
    join,
    call,
    more,
    decline,
    hangUp,
    dismiss,
    stop,
    take,
  }
})

function kept(): string | null {
  try {
    return sessionStorage.getItem(KEPT)
  } catch {
    return null
  }
}

function keep(callId: string | null): void {
  try {
    if (callId === null) sessionStorage.removeItem(KEPT)
    else sessionStorage.setItem(KEPT, callId)
  } catch {
    // a browser that keeps nothing: after loading anew one answers once more
  }
}
