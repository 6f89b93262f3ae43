/**
 * This page in a call: its line to the service, a connection to each other page, what it sends and what it shows.
 *
 * Promises: a connection to each person who is in the call, and to nobody else; a page that was loaded anew gets a new one;
 * what somebody sees is one value (`view`), replaced at each change. Not here: the socket (`line.ts`), negotiation
 * (`peer.ts`), devices (`devices.ts`), who speaks (`speaking.ts`), recording (`recording.ts`), what is drawn
 * (`components/call/`).
 */
import { shallowRef } from 'vue'
import { WhepViewer } from '@/live/whep'
import { Devices } from './devices'
import { deviceId, randomId } from './identity'
import { CallLine, type LineState, socketUrl } from './line'
import { PeerLink } from './peer'
import { CallRecording } from './recording'
import { Speaking } from './speaking'
import type { CallView, PeerView } from './view'
import { isPresent, type CallPerson, type CallSeen, type Farewell, type Signal, type Welcome } from './words'

/** The picture of each is sent to every other: less of each the more there are. */
const BITS_FOR = [0, 900_000, 700_000, 500_000, 350_000, 280_000]

interface Peer {
  link: PeerLink
  session: string
  attached: number
  streams: Map<string, MediaStream>
}

export interface CallOptions {
  call: CallSeen
  withCamera: boolean
  /** A household's link; without, the login. */
  token?: string
}

export class CallClient {
  readonly view: { value: CallView }
  readonly devices: Devices
  private readonly voices: Speaking
  private readonly recording: CallRecording
  private readonly session = randomId()
  private readonly line: CallLine
  private readonly peers = new Map<string, Peer>()
  private readonly shareStream = new MediaStream()
  private shareTrack: MediaStreamTrack | null = null
  private viewer: WhepViewer | null = null
  private ice: RTCIceServer[] = []

  constructor(private readonly options: CallOptions) {
    this.view = shallowRef<CallView>({
      call: options.call,
      me: null,
      line: 'connecting',
      peers: {},
      muted: false,
      cameraOn: false,
      cameras: 0,
      microphoneTrouble: null,
      cameraTrouble: null,
      sharing: null,
      recorderTrouble: null,
      refused: null,
      farewell: null,
    })
    this.devices = new Devices({
      onTrack: (kind, track) => {
        for (const { link } of this.peers.values()) void link.setTrack(kind, track, this.devices.stream)
      },
      onChange: () => this.devicesChanged(),
    })
    this.voices = new Speaking(
      () => this.view.value.me,
      this.devices,
      () => [...this.peers].map(([id, { link }]) => [id, link.receivers()]),
    )
    this.recording = new CallRecording(
      () => this.view.value,
      this.devices.stream,
      (recorderTrouble) => {
        this.set({ recorderTrouble })
        if (recorderTrouble !== null) this.record(false)
      },
    )
    const path = options.token ? '/api/calls/guest-line' : `/api/calls/line/${encodeURIComponent(options.call.id)}`
    this.line = new CallLine(
      socketUrl(path),
      () => ({ type: 'hello', session: this.session, device: deviceId(), token: options.token ?? null }),
      {
        onState: (line) => this.lineChanged(line),
        onMessage: (message) => this.hear(message),
        onFarewell: (why) => this.end(why),
      },
    )
  }

  get me(): CallPerson | null {
    const { call, me } = this.view.value
    return call.people.find((p) => p.id === me) ?? null
  }

  /** Who speaks now, by person. */
  get speaking(): Speaking['who'] {
    return this.voices.who
  }

  async start(): Promise<void> {
    window.addEventListener('online', this.networkChanged)
    connectionOf()?.addEventListener('change', this.networkChanged)
    window.addEventListener('pagehide', this.leaving)
    this.voices.start()
    // devices first, so that the first offer holds what we send; but nobody waits for a question that is not answered
    await Promise.race([this.devices.start(this.options.withCamera), later(4000)])
    if (this.view.value.farewell === null) this.line.open()
  }

  hangUp(): void {
    this.line.send({ type: 'leave' })
    this.end('hung_up')
  }

  setMuted(muted: boolean): void {
    this.devices.setMuted(muted)
    this.say()
  }

  async setCamera(on: boolean): Promise<void> {
    await this.devices.setCamera(on)
    this.say()
  }

  /** Passes on what a camera shows, in place of what was passed on before; null: no more. */
  share(cameraId: string | null): void {
    this.viewer?.close()
    this.viewer = null
    this.setShareTrack(null)
    this.set({ sharing: cameraId === null ? null : { cameraId, stream: null } })
    if (cameraId !== null) {
      const viewer = new WhepViewer(cameraId, 'sub', {
        onMedia: (media) => {
          if (this.viewer !== viewer) return
          this.setShareTrack(media?.getVideoTracks()[0] ?? null)
          this.set({ sharing: { cameraId, stream: media } })
          this.say()
        },
      })
      this.viewer = viewer
      viewer.open()
    }
    this.say()
  }

  /** Whoever shows the shared picture tells of each fresh one, which proves that it still comes. */
  sawShared(): void {
    this.viewer?.sawPicture()
  }

  record(wanted: boolean): void {
    this.set({ refused: null, recorderTrouble: null })
    this.line.send({ type: 'record', wanted })
  }

  agree(agrees: boolean): void {
    this.line.send({ type: 'agree', agrees })
  }

  forgetRefusal(): void {
    this.set({ refused: null })
  }

  /** For tests, and for whoever opens a browser's console. */
  async report(): Promise<Record<string, unknown>> {
    const peers: Record<string, unknown> = {}
    for (const [id, { link }] of this.peers) {
      const inbound: Record<string, number> = { bytes: 0, frames: 0, audio: 0 }
      ;(await link.stats()).forEach((entry: Record<string, unknown>) => {
        if (entry.type !== 'inbound-rtp') return
        inbound.bytes! += Number(entry.bytesReceived ?? 0)
        inbound.frames! += Number(entry.framesDecoded ?? 0)
        if (entry.kind === 'audio') inbound.audio! += Number(entry.bytesReceived ?? 0)
      })
      peers[id] = { state: link.state, restarts: link.restarts, ...inbound }
    }
    const { call, me, line, farewell } = this.view.value
    return { call: call.id, me, line, farewell, session: this.session, peers }
  }

  /** Breaks the line as a network does, for tests. */
  breakLine(): void {
    this.line.renew()
  }

  private hear(message: Record<string, unknown>): void {
    if (message.type === 'welcome') {
      const welcome = message as unknown as Welcome
      this.ice = welcome.ice_servers.map(({ urls, username, credential }) => ({
        urls,
        ...(username && credential ? { username, credential } : {}),
      }))
      this.set({ me: welcome.me, refused: null })
      for (const { link } of this.peers.values()) link.resume()
      this.follow(welcome.call)
      this.say()
    } else if (message.type === 'call') {
      this.follow(message.call as CallSeen)
    } else if (message.type === 'signal') {
      const peer = this.peers.get(String(message.from))
      if (peer && peer.session === message.session) void peer.link.hear(message as unknown as Signal)
    } else if (message.type === 'refused') {
      this.set({ refused: String(message.kind) })
    }
  }

  /** A connection to each who is in the call; a page loaded anew is another page. */
  private follow(call: CallSeen): void {
    const me = this.view.value.me
    const others = call.people.filter((p) => p.id !== me && isPresent(p))
    for (const [id, peer] of [...this.peers]) {
      // a service that has just been started anew knows of no pages yet: that one was there goes on
      if (!others.some((p) => p.id === id && (p.session === null || p.session === peer.session))) this.drop(id)
    }
    this.set({ call })
    for (const person of others) {
      const known = this.peers.get(person.id)
      if (person.session === null) continue
      if (!known) this.meet(person)
      else if (known.attached !== person.attached) {
        known.attached = person.attached
        known.link.resume()
      }
    }
    const most = BITS_FOR[Math.min(others.length, BITS_FOR.length - 1)]!
    for (const { link } of this.peers.values()) void link.limitBits(most)
    this.showPeers()
    this.recording.follow()
  }

  private meet(person: CallPerson): void {
    const session = person.session!
    const streams = new Map<string, MediaStream>()
    const link = new PeerLink(this.view.value.me! < person.id, this.ice, {
      send: (signal) => this.line.send({ type: 'signal', to: person.id, session, ...signal }),
      onStream: (stream) => {
        streams.set(stream.id, stream)
        stream.onremovetrack = () => {
          if (stream.getTracks().length === 0) streams.delete(stream.id)
          this.showPeers()
        }
        this.showPeers()
      },
      onState: () => this.showPeers(),
    })
    this.peers.set(person.id, { link, session, attached: person.attached, streams })
    const { microphone, camera, stream } = this.devices
    if (microphone) void link.setTrack('audio', microphone, stream)
    if (camera) void link.setTrack('video', camera, stream)
    if (this.shareTrack) void link.setTrack('share', this.shareTrack, this.shareStream)
  }

  private drop(id: string): void {
    this.peers.get(id)?.link.close()
    this.peers.delete(id)
  }

  private showPeers(): void {
    const { call, peers: before } = this.view.value
    const peers: Record<string, PeerView> = {}
    for (const [id, peer] of this.peers) {
      const shareId = call.people.find((p) => p.id === id)?.share?.stream
      const own = [...peer.streams.values()].find((s) => s.id !== shareId) ?? null
      const share = (shareId && peer.streams.get(shareId)) || null
      const was = before[id]
      const same = was?.state === peer.link.state && was.stream === own && was.share === share
      peers[id] = same ? was : { state: peer.link.state, stream: own, share }
    }
    this.set({ peers })
  }

  private setShareTrack(track: MediaStreamTrack | null): void {
    this.shareTrack = track
    for (const { link } of this.peers.values()) void link.setTrack('share', track, this.shareStream)
  }

  /** Tells the others how we are. */
  private say(): void {
    const { sharing } = this.view.value
    const share = sharing && this.shareTrack ? { camera_id: sharing.cameraId, stream: this.shareStream.id } : null
    const muted = this.devices.muted || this.devices.microphone === null
    this.line.send({ type: 'status', muted, camera_off: this.devices.camera === null, share })
  }

  private devicesChanged(): void {
    const { muted, camera, cameras, microphoneTrouble, cameraTrouble } = this.devices
    this.set({ muted, cameraOn: camera !== null, cameras, microphoneTrouble, cameraTrouble })
    this.say()
  }

  private lineChanged(line: LineState): void {
    this.set({ line })
    this.recording.pause()
  }

  private readonly networkChanged = (): void => {
    this.line.renew()
    for (const { link } of this.peers.values()) link.resume()
  }

  /** The page is being left: the others need not wait for it, unless it comes back at once. */
  private readonly leaving = (): void => {
    this.line.close()
  }

  private end(farewell: Farewell): void {
    if (this.view.value.farewell !== null) return
    this.recording.stop()
    this.viewer?.close()
    this.viewer = null
    for (const id of [...this.peers.keys()]) this.drop(id)
    this.devices.stop()
    this.line.close()
    this.voices.stop()
    window.removeEventListener('online', this.networkChanged)
    window.removeEventListener('pagehide', this.leaving)
    connectionOf()?.removeEventListener('change', this.networkChanged)
    this.set({ farewell, peers: {}, sharing: null })
  }

  private set(change: Partial<CallView>): void {
    this.view.value = { ...this.view.value, ...change }
  }
}

const later = (ms: number) => new Promise<void>((resolve) => window.setTimeout(resolve, ms))

function connectionOf(): EventTarget | null {
  return (navigator as Navigator & { connection?: EventTarget }).connection ?? null
}
