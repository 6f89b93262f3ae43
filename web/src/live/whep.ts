/**
 * A WHEP viewer: one camera's H.264, received.
 *
 * Promises: one offer, one answer; comes back by itself after any fault, waiting longer each time; a connection without
 * fresh pictures is a fault too; says goodbye (DELETE) when it leaves, even while the page is closing. Not here: what is
 * shown while there is no video (`components/LiveVideo.vue`).
 */
import type { Schemas } from '@/api/client'
import { backoffMs } from './backoff'
import { browserEnvironment, exchange, gathered, goodbye, type Environment } from './exchange'
import { iceServers } from './ice'

export type Stream = 'sub' | 'main'
export type FeedSession = Schemas['FeedSession']
export type WhepState = 'idle' | 'connecting' | 'live' | 'waiting' | 'closed'

export interface WhepEvents {
  onState?: (state: WhepState, reason: string | null) => void
  onMedia?: (media: MediaStream | null) => void
}

/** After the answer, a way to the service; where UDP is blocked there is none. */
const CONNECT_MS = 4_000
/** After the answer, the first picture; later, any fresh picture. */
const FIRST_PICTURE_MS = 10_000
const STALL_MS = 9_000
const DISCONNECTED_MS = 4_000

export class WhepViewer {
  state: WhepState = 'idle'
  reason: string | null = null
  /** Tries since the last fresh picture. */
  failures = 0
  reconnects = 0

  private connection: RTCPeerConnection | null = null
  private location: string | null = null
  private entityTag: string | null = null
  private generation = 0
  private retryTimer: number | null = null
  private watchdogTimer: number | null = null
  private disconnectedTimer: number | null = null
  private connectTimer: number | null = null
  /** Whether any connection to the service ever stood. */
  private stood = false
  /** How the service serves the feed (`X-Live-Serving`). */
  serving: string | null = null
  private readonly env: Environment

  constructor(
    readonly cameraId: string,
    readonly stream: Stream,
    private readonly events: WhepEvents = {},
    env: Partial<Environment> = {},
  ) {
    this.env = { ...browserEnvironment(), ...env }
  }

  open(): void {
    if (this.state !== 'idle' && this.state !== 'closed') return
    this.failures = 0
    void this.connect()
  }

  /** Whoever shows the video calls this for each fresh picture: it proves the connection and feeds the watchdog. */
  sawPicture(): void {
    if (this.connection === null || this.state === 'closed') return
    this.failures = 0
    this.stood = true
    this.clear('connectTimer')
    if (this.state !== 'live') this.enter('live', null)
    this.watch(STALL_MS, 'no_fresh_picture')
  }

  close(): void {
    if (this.state === 'closed') return
    this.tearDown()
    this.enter('closed', null)
  }

  get peer(): RTCPeerConnection | null {
    return this.connection
  }

  /** What the service says of this feed (its clock, its codec), or null when it says nothing. */
  async session(): Promise<FeedSession | null> {
    const location = this.location
    if (location === null) return null
    try {
      const response = await this.env.fetch(location, { credentials: 'same-origin' })
      return response.ok && location === this.location ? ((await response.json()) as FeedSession) : null
    } catch {
      return null
    }
  }

  private async connect(): Promise<void> {
    const generation = ++this.generation
    this.enter('connecting', this.reason)
    const servers = await iceServers(this.cameraId, this.env.fetch)
    if (generation !== this.generation) return
    const connection = this.env.newConnection(servers)
    this.connection = connection
    connection.ontrack = (event) => {
      if (generation !== this.generation) return
      this.events.onMedia?.(event.streams[0] ?? new MediaStream([event.track]))
    }
    connection.onconnectionstatechange = () => this.onConnectionState(generation, connection)
    try {
      const transceiver = connection.addTransceiver('video', { direction: 'recvonly' })
      preferH264(transceiver)
      await connection.setLocalDescription(await connection.createOffer())
      await gathered(this.env, connection)
      if (generation !== this.generation) return
      const later = candidatesFrom(connection)
      const url = `/api/whep/${encodeURIComponent(this.cameraId)}?stream=${this.stream}`
      const isWanted = () => generation === this.generation
      const answer = await exchange(this.env, url, connection.localDescription?.sdp ?? '', isWanted)
      if (!isWanted()) return
      this.location = answer.location
      this.entityTag = answer.headers.get('ETag')
      this.serving = answer.headers.get('X-Live-Serving')
      await connection.setRemoteDescription({ type: 'answer', sdp: answer.sdp })
      later((candidate) => this.trickle(connection, candidate))
      this.watch(FIRST_PICTURE_MS, 'no_first_picture')
      if (connection.connectionState !== 'connected' && !this.stood)
        this.connectTimer = this.env.setTimeout(() => this.fail('no_way'), CONNECT_MS)
    } catch (error) {
      if (generation !== this.generation) return
      this.fail(error instanceof Error && error.message ? error.message : 'connection_failed')
    }
  }

  /** A candidate that was found after the offer (RFC 8840). Without it there may be another way, so nothing is said. */
  private trickle(connection: RTCPeerConnection, candidate: RTCIceCandidate): void {
    const ufrag = /^a=ice-ufrag:.*$/m.exec(connection.localDescription?.sdp ?? '')?.[0].trim()
    if (this.location === null || this.connection !== connection || ufrag === undefined) return
    void this.env
      .fetch(this.location, {
        method: 'PATCH',
        headers: {
          'Content-Type': 'application/trickle-ice-sdpfrag',
          ...(this.entityTag === null ? {} : { 'If-Match': this.entityTag }),
        },
        body: [
          ufrag,
          'm=video 9 UDP/TLS/RTP/SAVPF 0',
          `a=mid:${candidate.sdpMid}`,
          `a=${candidate.candidate}`,
          '',
        ].join('\r\n'),
        credentials: 'same-origin',
      })
      .catch(() => undefined)
  }

  private onConnectionState(generation: number, connection: RTCPeerConnection): void {
    if (generation !== this.generation) return
    this.clear('disconnectedTimer')
    if (connection.connectionState === 'connected') {
      this.stood = true
      this.clear('connectTimer')
    } else if (connection.connectionState === 'failed' || connection.connectionState === 'closed') {
      this.fail(this.stood ? 'connection_lost' : 'no_way')
    } else if (connection.connectionState === 'disconnected') {
      this.disconnectedTimer = this.env.setTimeout(() => this.fail('connection_lost'), DISCONNECTED_MS)
    }
  }

  private watch(ms: number, reason: string): void {
    this.clear('watchdogTimer')
    this.watchdogTimer = this.env.setTimeout(() => this.fail(reason), ms)
  }

  private fail(reason: string): void {
    if (this.state === 'closed') return
    this.tearDown()
    const wait = backoffMs(this.failures, this.env.random)
    this.failures += 1
    this.reconnects += 1
    this.enter('waiting', reason)
    this.retryTimer = this.env.setTimeout(() => void this.connect(), wait)
  }

  private tearDown(): void {
    this.generation += 1
    this.clear('retryTimer')
    this.clear('watchdogTimer')
    this.clear('disconnectedTimer')
    this.clear('connectTimer')
    if (this.connection !== null) {
      this.connection.ontrack = null
      this.connection.onconnectionstatechange = null
      this.connection.close()
      this.connection = null
      this.events.onMedia?.(null)
    }
    if (this.location !== null) goodbye(this.env, this.location)
    this.location = null
  }

  private clear(name: 'retryTimer' | 'watchdogTimer' | 'disconnectedTimer' | 'connectTimer'): void {
    const id = this[name]
    if (id !== null) this.env.clearTimeout(id)
    this[name] = null
  }

  private enter(state: WhepState, reason: string | null): void {
    this.state = state
    this.reason = reason
    this.events.onState?.(state, reason)
  }
}

/** From now on the connection's further candidates, kept until the returned function is told who takes them. */
function candidatesFrom(connection: RTCPeerConnection): (take: (candidate: RTCIceCandidate) => void) => void {
  const waiting: RTCIceCandidate[] = []
  let taker: ((candidate: RTCIceCandidate) => void) | null = null
  connection.onicecandidate = ({ candidate }) => {
    if (candidate === null || candidate.candidate === '') return
    if (taker === null) waiting.push(candidate)
    else taker(candidate)
  }
  return (take) => {
    taker = take
    waiting.forEach(take)
  }
}

/** H.264 first and only: the camera's packets pass through, so nothing else can arrive. */
function preferH264(transceiver: RTCRtpTransceiver): void {
  const codecs = globalThis.RTCRtpReceiver?.getCapabilities?.('video')?.codecs ?? []
  const wanted = codecs.filter((codec) => /^video\/(h264|rtx)$/i.test(codec.mimeType))
  if (wanted.some((codec) => /h264/i.test(codec.mimeType))) transceiver.setCodecPreferences(wanted)
}
