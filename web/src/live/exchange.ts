/**
 * What WHEP and WHIP have in common over HTTP: an offer out, an answer back, goodbye.
 *
 * Promises: waits for nothing without a limit; an answer to somebody who has left meanwhile leaves no session behind; a
 * refusal is one sentence in the language of the page. Not here: the connection, and when to come back (`whep.ts`,
 * `whip.ts`).
 */
import { problemOf } from '@/api/client'

export interface Environment {
  fetch: typeof fetch
  newConnection: (servers: RTCIceServer[]) => RTCPeerConnection
  setTimeout: (run: () => void, ms: number) => number
  clearTimeout: (id: number) => void
  random: () => number
}

/** Host candidates are gathered within milliseconds; whatever takes longer than this is not waited for. */
const GATHER_MS = 600
const ANSWER_MS = 10_000

export function browserEnvironment(): Environment {
  return {
    fetch: (input, init) => fetch(input, { signal: AbortSignal.timeout(ANSWER_MS), ...init }),
    newConnection: (iceServers) => new RTCPeerConnection({ bundlePolicy: 'max-bundle', iceServers }),
    setTimeout: (run, ms) => window.setTimeout(run, ms),
    clearTimeout: (id) => window.clearTimeout(id),
    random: Math.random,
  }
}

/** Why the service refused: the problem's kind and its sentence. */
export class Refusal extends Error {
  constructor(
    readonly kind: string,
    sentence: string,
  ) {
    super(sentence)
  }
}

export function refusal(status: number, body: string): Refusal {
  let parsed: unknown = null
  try {
    parsed = JSON.parse(body)
  } catch {
    // not a problem document: the status says what there is to say
  }
  const problem = problemOf(status, parsed)
  return new Refusal(problem.kind, problem.sentence)
}

export function gathered(env: Environment, connection: RTCPeerConnection): Promise<void> {
  if (connection.iceGatheringState === 'complete') return Promise.resolve()
  return new Promise((resolve) => {
    const timer = env.setTimeout(resolve, GATHER_MS)
    connection.addEventListener('icegatheringstatechange', () => {
      if (connection.iceGatheringState !== 'complete') return
      env.clearTimeout(timer)
      resolve()
    })
  })
}

export interface Answered {
  sdp: string
  location: string | null
  headers: Headers
}

/** Posts an offer. `isWanted` is asked when the answer is there. Throws a Refusal, or what hindered the request. */
export async function exchange(
  env: Environment,
  url: string,
  offer: string,
  isWanted: () => boolean,
): Promise<Answered> {
  const abort = new AbortController()
  const timer = env.setTimeout(() => abort.abort(new Error('no_answer')), ANSWER_MS)
  try {
    const response = await env.fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp' },
      body: offer,
      credentials: 'same-origin',
      signal: abort.signal,
    })
    const location = response.headers.get('Location')
    const sdp = await response.text()
    if (response.status !== 201) throw refusal(response.status, sdp)
    if (location !== null && !isWanted()) {
      goodbye(env, location)
      throw new Error('left_meanwhile')
    }
    return { sdp, location, headers: response.headers }
  } finally {
    env.clearTimeout(timer)
  }
}

export function goodbye(env: Environment, location: string): void {
  void env.fetch(location, { method: 'DELETE', keepalive: true, credentials: 'same-origin' }).catch(() => undefined)
}
