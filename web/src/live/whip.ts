/**
 * This phone as a camera (WHIP, RFC 9725): its picture sent to the service for as long as somebody films.
 *
 * Promises: one offer, one answer; comes back by itself after any fault, another network say, waiting longer each time; is
 * `live` only once the service has seen a picture; says goodbye (DELETE) when it ends, even while the page is closing. Not
 * here: the camera itself (`lib/film.ts`), what is shown (`pages/FilmPage.vue`).
 */
import type { Schemas } from '@/api/client'
import { backoffMs } from './backoff'
import { browserEnvironment, exchange, gathered, goodbye, Refusal, refusal, type Environment } from './exchange'
import { serversAt } from './ice'

export type Broadcast = Schemas['PhoneSession']
export type WhipState = 'idle' | 'connecting' | 'live' | 'waiting' | 'refused' | 'ended'

export interface WhipEvents {
  /** `reason`: a sentence of the service, or the key of one of ours under `film.`. */
  onState?: (state: WhipState, reason: string | null) => void
  onBroadcast?: (broadcast: Broadcast) => void
}

export interface Where {
  latitude: number
  longitude: number
  accuracy: number
}

const ASK_MS = 1_500
/** After the answer, the first picture at the service. */
const FIRST_PICTURE_MS = 10_000
const DISCONNECTED_MS = 3_000
const BITS = 1_800_000
const FRAMES = 15
/** What no waiting changes. */
const FINAL = ['no-phones', 'not-allowed', 'not-logged-in', 'bad-offer', 'taken-over']

export class WhipSender {
  state: WhipState = 'idle'
  reason: string | null = null

  /** Tells this page from another of the same person. */
  private readonly phone: string
  private track: MediaStreamTrack | null = null
  private connection: RTCPeerConnection | null = null
  private sender: RTCRtpSender | null = null
  private location: string | null = null
  private where: Where | null = null
  private placed: Where | null = null
  private generation = 0
  private failures = 0
  private retryTimer: number | null = null
  private askTimer: number | null = null
  private firstTimer: number | null = null
  private disconnectedTimer: number | null = null
  private readonly env: Environment

  constructor(
    private readonly events: WhipEvents = {},
    env: Partial<Environment> = {},
  ) {
    this.env = { ...browserEnvironment(), ...env }
    this.phone = this.env.random().toString(36).slice(2)
  }

  start(track: MediaStreamTrack): void {
    this.track = track
    if (this.state !== 'idle' && this.state !== 'ended' && this.state !== 'refused') return
    this.failures = 0
    void this.connect()
  }

  /** The other camera, or the same one found anew; the connection goes on. */
  async film(track: MediaStreamTrack): Promise<void> {
    this.track = track
    await this.sender?.replaceTrack(track)
  }

  /** Where the phone is now. */
  place(where: Where): void {
    this.where = where
    void this.sendPlace()
  }

  /** The way to the service may be another one now: no more waiting. */
  hurry(): void {
    if (this.state !== 'waiting') return
    this.clear('retryTimer')
    void this.connect()
  }

  stop(): void {
    if (this.state === 'ended') return
    this.tearDown()
    this.enter('ended', null)
  }

  get peer(): RTCPeerConnection | null {
    return this.connection
  }

  private async connect(): Promise<void> {
    const generation = ++this.generation
    this.enter('connecting', this.reason)
    try {
      await this.checkTakenOver()
      const servers = (await serversAt('/api/whip', this.env.fetch)) ?? []
      if (generation !== this.generation || this.track === null) return
      const connection = this.env.newConnection(servers)
      this.connection = connection
      connection.onconnectionstatechange = () => this.onConnectionState(generation, connection)
      const transceiver = connection.addTransceiver(this.track, {
        direction: 'sendonly',
        sendEncodings: [{ maxBitrate: BITS, maxFramerate: FRAMES }],
      })
      this.sender = transceiver.sender
      preferH264(transceiver)
      await connection.setLocalDescription(await connection.createOffer())
      await gathered(this.env, connection)
      if (generation !== this.generation) return
      const offer = connection.localDescription?.sdp ?? ''
      const isWanted = () => generation === this.generation
      const answer = await exchange(this.env, `/api/whip${this.query()}`, offer, isWanted)
      if (!isWanted()) return
      this.location = answer.location
      await connection.setRemoteDescription({ type: 'answer', sdp: answer.sdp })
      this.placed = null
      void this.sendPlace()
      this.firstTimer = this.env.setTimeout(() => this.fail('noWay'), FIRST_PICTURE_MS)
      this.ask(generation)
    } catch (error) {
      if (generation !== this.generation) return
      if (error instanceof Refusal && FINAL.includes(error.kind)) {
        this.tearDown()
        this.enter('refused', error.message)
      } else {
        this.fail(error instanceof Refusal ? error.message : 'lost')
      }
    }
  }

  /** Whoever films with another phone since would be thrown out by this one coming back. */
  private async checkTakenOver(): Promise<void> {
    if (this.location === null) return
    const response = await this.env.fetch(this.location, { credentials: 'same-origin' })
    if (response.status === 410) throw refusal(410, await response.text())
  }

  private query(): string {
    const where = Object.entries(this.where ?? {}).map(([name, value]) => [name, String(value)])
    return `?${new URLSearchParams([['phone', this.phone], ...where] as [string, string][]).toString()}`
  }

  private async sendPlace(): Promise<void> {
    const { where, location } = this
    if (where === null || location === null || where === this.placed) return
    this.placed = where
    await this.env
      .fetch(`${location}/place`, {
        method: 'PUT',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(where),
        credentials: 'same-origin',
      })
      .catch(() => undefined)
  }

  /** What the service says of it; a broadcast that it does not know any more is begun anew. */
  private ask(generation: number): void {
    this.askTimer = this.env.setTimeout(() => {
      void (async () => {
        const location = this.location
        if (generation !== this.generation || location === null) return
        try {
          const response = await this.env.fetch(location, { credentials: 'same-origin' })
          if (generation !== this.generation) return
          if (response.status === 404 || response.status === 410) return this.fail('lost')
          if (response.ok) {
            const broadcast = (await response.json()) as Broadcast
            if (generation !== this.generation) return
            this.events.onBroadcast?.(broadcast)
            if (broadcast.is_seen && broadcast.bytes > 0) this.seen()
          }
        } catch {
          // the connection itself tells when there is no way any more
        }
        if (generation === this.generation) this.ask(generation)
      })()
    }, ASK_MS)
  }

  private seen(): void {
    this.clear('firstTimer')
    this.failures = 0
    if (this.state !== 'live') this.enter('live', null)
  }

  private onConnectionState(generation: number, connection: RTCPeerConnection): void {
    if (generation !== this.generation) return
    this.clear('disconnectedTimer')
    if (connection.connectionState === 'failed' || connection.connectionState === 'closed') {
      this.fail('lost')
    } else if (connection.connectionState === 'disconnected') {
      this.disconnectedTimer = this.env.setTimeout(() => this.fail('lost'), DISCONNECTED_MS)
    }
  }

  private fail(reason: string): void {
    if (this.state === 'ended' || this.state === 'refused') return
    this.tearDown(false)
    const wait = backoffMs(this.failures, this.env.random)
    this.failures += 1
    this.enter('waiting', reason)
    this.retryTimer = this.env.setTimeout(() => void this.connect(), wait)
  }

  /** `leaves` false: it will be back, and takes its own place over; so there is no goodbye. */
  private tearDown(leaves = true): void {
    this.generation += 1
    for (const timer of ['retryTimer', 'askTimer', 'firstTimer', 'disconnectedTimer'] as const) this.clear(timer)
    if (this.connection !== null) {
      this.connection.onconnectionstatechange = null
      this.connection.close()
      this.connection = this.sender = null
    }
    if (leaves && this.location !== null) goodbye(this.env, this.location)
    if (leaves) this.location = null
  }

  private clear(name: 'retryTimer' | 'askTimer' | 'firstTimer' | 'disconnectedTimer'): void {
    const id = this[name]
    if (id !== null) this.env.clearTimeout(id)
    this[name] = null
  }

  private enter(state: WhipState, reason: string | null): void {
    this.state = state
    this.reason = reason
    this.events.onState?.(state, reason)
  }
}

/** H.264 before VP8: it passes through as it is; the other must be transcoded. */
function preferH264(transceiver: RTCRtpTransceiver): void {
  const codecs = globalThis.RTCRtpSender?.getCapabilities?.('video')?.codecs ?? []
  const rank = (codec: { mimeType: string; sdpFmtpLine?: string }) =>
    /h264/i.test(codec.mimeType)
      ? /42e01f/i.test(codec.sdpFmtpLine ?? '')
        ? 0
        : 1
      : /vp8/i.test(codec.mimeType)
        ? 2
        : 3
  const wanted = codecs.filter((codec) => /^video\/(h264|vp8|rtx)$/i.test(codec.mimeType))
  wanted.sort((a, b) => rank(a) - rank(b))
  if (wanted.length > 0) transceiver.setCodecPreferences(wanted)
}
