/**
 * One connection to one other page, negotiated perfectly: either side may offer at any time, and of two offers that cross
 * one gives way (W3C, "Perfect negotiation"; https://www.w3.org/TR/webrtc/#perfect-negotiation-example). Only the first
 * offer is always the impolite side's: Chromium gathers no candidates after it took back its very first one.
 *
 * Promises: tracks come and go without the caller thinking of offers; a way that is lost is looked for again (ICE restart),
 * also after messages were lost on the way. Not here: how messages travel (`line.ts`), whose tracks they are (`client.ts`).
 */
import type { Signal } from './words'

export type TrackKey = 'audio' | 'video' | 'share'

export interface PeerEvents {
  send: (signal: Signal) => void
  onStream: (stream: MediaStream) => void
  onState: (state: RTCPeerConnectionState) => void
}

export interface PeerEnvironment {
  newConnection: (ice: RTCIceServer[]) => RTCPeerConnection
  setTimeout: (run: () => void, ms: number) => number
  clearTimeout: (id: number) => void
}

/** A way that is silent for so long is looked for anew; one that failed, at once. */
const SILENT_MS = 2_500
/** After that long without a way, however it is called, once more. */
const AGAIN_MS = 8_000
/** The polite side waits so long for the other's first offer. */
const FIRST_OFFER_MS = 15_000

export class PeerLink {
  private readonly connection: RTCPeerConnection
  private readonly senders = new Map<TrackKey, RTCRtpSender>()
  private readonly env: PeerEnvironment
  private makingOffer = false
  private ignoringOffer = false
  private settingAnswer = false
  private timer: number | null = null
  private closed = false
  private isOverdue = false
  private mostBits: number | null = null
  restarts = 0

  constructor(
    /** Of the two sides, exactly one is polite. */
    readonly isPolite: boolean,
    ice: RTCIceServer[],
    private readonly events: PeerEvents,
    env: Partial<PeerEnvironment> = {},
  ) {
    this.env = {
      newConnection: (servers) => new RTCPeerConnection({ iceServers: servers, bundlePolicy: 'max-bundle' }),
      setTimeout: (run, ms) => window.setTimeout(run, ms),
      clearTimeout: (id) => window.clearTimeout(id),
      ...env,
    }
    this.connection = this.env.newConnection(ice)
    const connection = this.connection
    connection.onnegotiationneeded = () => void this.offer()
    connection.onicecandidate = ({ candidate }) => {
      if (candidate) this.events.send({ candidate: candidate.toJSON() })
    }
    connection.ontrack = ({ track, streams }) => this.events.onStream(streams[0] ?? new MediaStream([track]))
    connection.onconnectionstatechange = () => this.follow()
    // Two without microphone and camera have a connection too: whoever shares later is seen at once.
    connection.createDataChannel('here', { negotiated: true, id: 0 })
    this.timer = this.env.setTimeout(() => this.overdue(), isPolite ? FIRST_OFFER_MS : AGAIN_MS)
  }

  get state(): RTCPeerConnectionState {
    return this.connection.connectionState
  }

  stats(): Promise<RTCStatsReport> {
    return this.connection.getStats()
  }

  receivers(): RTCRtpReceiver[] {
    return this.connection.getReceivers()
  }

  /** What we send under this key from now on; null: nothing. */
  async setTrack(key: TrackKey, track: MediaStreamTrack | null, stream: MediaStream): Promise<void> {
    if (this.closed) return
    const sender = this.senders.get(key)
    if (sender && track === null && key === 'share') {
      this.senders.delete(key)
      this.connection.removeTrack(sender)
    } else if (sender) {
      await sender.replaceTrack(track)
    } else if (track) {
      this.senders.set(key, this.connection.addTrack(track, stream))
    }
    await this.holdBits()
  }

  /** At most so many bits a second for each picture. */
  async limitBits(most: number): Promise<void> {
    this.mostBits = most
    await this.holdBits()
  }

  private async holdBits(): Promise<void> {
    for (const [key, sender] of this.senders) {
      if (key === 'audio' || this.mostBits === null) continue
      const parameters = sender.getParameters()
      if (!parameters.encodings?.length || parameters.encodings[0]!.maxBitrate === this.mostBits) continue
      parameters.encodings[0]!.maxBitrate = this.mostBits
      await sender.setParameters(parameters).catch(() => undefined) // not negotiated yet: it is done when connected
    }
  }

  async hear(signal: Signal): Promise<void> {
    if (this.closed) return
    const connection = this.connection
    try {
      if ('candidate' in signal) {
        await connection.addIceCandidate(signal.candidate)
        return
      }
      const { description } = signal
      const ready = !this.makingOffer && (connection.signalingState === 'stable' || this.settingAnswer)
      const collides = description.type === 'offer' && !ready
      this.ignoringOffer = !this.isPolite && collides
      if (this.ignoringOffer) return
      // an answer to an offer that was answered already, since it was sent twice
      if (description.type === 'answer' && connection.signalingState === 'stable') return
      this.settingAnswer = description.type === 'answer'
      await connection.setRemoteDescription(description)
      this.settingAnswer = false
      if (description.type === 'offer') {
        await connection.setLocalDescription()
        this.sendDescription()
      }
    } catch (error) {
      this.settingAnswer = false
      // candidates of an offer that we do not take fit nothing
      if (!('candidate' in signal) && !this.closed) console.warn('a description could not be used', error)
    }
  }

  /** Messages may have been lost: says again what was not answered, and looks for a way if there is none. */
  resume(): void {
    if (this.closed) return
    if (this.connection.signalingState === 'have-local-offer') this.sendDescription()
    else if (this.connection.remoteDescription && this.state !== 'connected') this.restart()
  }

  close(): void {
    this.closed = true
    this.clear()
    const connection = this.connection
    connection.onnegotiationneeded = connection.onicecandidate = connection.ontrack = null
    connection.onconnectionstatechange = null
    connection.close()
  }

  private async offer(): Promise<void> {
    // what we have to send is in our answer
    if (this.isPolite && !this.connection.remoteDescription && !this.isOverdue) return
    try {
      this.makingOffer = true
      await this.connection.setLocalDescription()
      this.sendDescription()
    } catch (error) {
      if (!this.closed) console.warn('an offer could not be made', error)
    } finally {
      this.makingOffer = false
    }
  }

  private sendDescription(): void {
    const description = this.connection.localDescription
    if (description && !this.closed) this.events.send({ description: { type: description.type, sdp: description.sdp } })
  }

  private follow(): void {
    if (this.closed) return
    const state = this.connection.connectionState
    if (state === 'connected') {
      this.clear()
      void this.holdBits()
    } else if (state === 'failed') {
      this.restart()
    } else if (state === 'disconnected') {
      this.clear()
      this.timer = this.env.setTimeout(() => this.restart(), SILENT_MS)
    }
    this.events.onState(state)
  }

  private overdue(): void {
    if (this.state === 'connected') return
    this.isOverdue = true
    if (this.isPolite && !this.connection.remoteDescription) void this.offer()
    else this.resume()
    this.timer = this.env.setTimeout(() => this.overdue(), AGAIN_MS)
  }

  private restart(): void {
    if (this.closed) return
    this.clear()
    this.restarts += 1
    this.connection.restartIce()
    this.timer = this.env.setTimeout(() => this.overdue(), AGAIN_MS)
  }

  private clear(): void {
    if (this.timer !== null) this.env.clearTimeout(this.timer)
    this.timer = null
  }
}
