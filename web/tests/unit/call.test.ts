import { beforeEach, describe, expect, it, vi } from 'vitest'
import { Devices, troubleOf } from '@/call/devices'
import { CallLine, type LineState } from '@/call/line'
import { PeerLink } from '@/call/peer'
import { grid } from '@/call/recorder'
import type { Farewell, Signal } from '@/call/words'

/** RTCPeerConnection's negotiation, as far as it concerns offers, answers and taking one back. */
class FakeConnection {
  signalingState: RTCSignalingState = 'stable'
  connectionState: RTCPeerConnectionState = 'new'
  localDescription: { type: RTCSdpType; sdp: string } | null = null
  remoteDescription: { type: RTCSdpType; sdp: string } | null = null
  onnegotiationneeded: (() => void) | null = null
  onicecandidate: ((event: { candidate: null }) => void) | null = null
  ontrack: unknown = null
  onconnectionstatechange: (() => void) | null = null
  restarts = 0
  closed = false
  tracks: unknown[] = []
  private needed = false
  private takenBack = false
  private static serial = 0

  createDataChannel() {
    this.need()
  }
  addTrack(track: unknown) {
    this.tracks.push(track)
    this.need()
    return { replaceTrack: async () => undefined, getParameters: () => ({ encodings: [] }), setParameters: vi.fn() }
  }
  restartIce() {
    this.restarts += 1
    this.need()
  }
  /** Browsers do one thing after the other, whatever is asked meanwhile. */
  private chain: Promise<unknown> = Promise.resolve()
  private inTurn(run: () => void): Promise<void> {
    const done = this.chain.then(run)
    this.chain = done.catch(() => undefined)
    return done
  }
  setLocalDescription() {
    return this.inTurn(() => {
      const type = this.signalingState === 'have-remote-offer' ? 'answer' : 'offer'
      FakeConnection.serial += 1
      const answers = type === 'answer' ? ` to ${this.remoteDescription!.sdp}` : ''
      this.localDescription = { type, sdp: `${type} ${FakeConnection.serial}${answers}` }
      this.signalingState = type === 'offer' ? 'have-local-offer' : 'stable'
      this.needed = false // an answer holds what there is to send as well
      if (type === 'answer' && this.takenBack) this.need()
      this.takenBack = false
    })
  }
  setRemoteDescription(description: { type: RTCSdpType; sdp: string }) {
    return this.inTurn(() => {
      if (description.type === 'offer') {
        this.takenBack = this.signalingState === 'have-local-offer' // to be offered again
        this.signalingState = 'have-remote-offer'
      } else {
        if (this.signalingState !== 'have-local-offer') throw new DOMException('', 'InvalidStateError')
        if (!description.sdp.endsWith(`to ${this.localDescription!.sdp}`)) throw new Error('answers another offer')
        this.signalingState = 'stable'
        if (this.needed) this.need()
      }
      this.remoteDescription = description
    })
  }
  async addIceCandidate() {}
  become(state: RTCPeerConnectionState) {
    this.connectionState = state
    this.onconnectionstatechange?.()
  }
  close() {
    this.closed = true
  }
  private need() {
    this.needed = true
    queueMicrotask(() => {
      if (this.needed && this.signalingState === 'stable' && !this.closed) this.onnegotiationneeded?.()
    })
  }
}

const settled = async () => {
  for (let i = 0; i < 400; i += 1) await Promise.resolve()
}

/** Two sides, and a wire between them that can lose what is said. */
function pair(options: { lose?: (signal: Signal, from: 'polite' | 'impolite') => boolean } = {}) {
  const timers: { run: () => void; ms: number }[] = []
  const connections = { polite: new FakeConnection(), impolite: new FakeConnection() }
  const said: string[] = []
  const links: Partial<Record<'polite' | 'impolite', PeerLink>> = {}
  for (const side of ['polite', 'impolite'] as const) {
    const other = side === 'polite' ? 'impolite' : 'polite'
    links[side] = new PeerLink(
      side === 'polite',
      [],
      {
        send: (signal) => {
          said.push(`${side} ${'description' in signal ? signal.description.type : 'candidate'}`)
          if (!options.lose?.(signal, side)) queueMicrotask(() => void links[other]?.hear(signal))
        },
        onStream: () => undefined,
        onState: () => undefined,
      },
      {
        newConnection: () => connections[side] as unknown as RTCPeerConnection,
        setTimeout: (run, ms) => timers.push({ run, ms }),
        clearTimeout: (id) => (timers[id - 1] = { run: () => undefined, ms: 0 }),
      },
    )
  }
  const pass = () => {
    for (const timer of timers.splice(0, timers.length, ...timers.map(() => ({ run: () => undefined, ms: 0 }))))
      timer.run()
  }
  return { polite: links.polite!, impolite: links.impolite!, connections, said, pass, timers }
}

const agreed = ({ connections }: ReturnType<typeof pair>) =>
  Object.values(connections).every((c) => c.signalingState === 'stable' && c.remoteDescription !== null)

describe('negotiation', () => {
  it('begins with one offer, of the impolite side', async () => {
    const both = pair()
    await settled()
    expect(both.said).toEqual(['impolite offer', 'polite answer'])
    expect(agreed(both)).toBe(true)
  })

  it('ends in agreement when both offer at once', async () => {
    const both = pair()
    await settled()
    both.said.length = 0
    void both.polite.setTrack('share', {} as MediaStreamTrack, {} as MediaStream)
    void both.impolite.setTrack('share', {} as MediaStreamTrack, {} as MediaStream)
    await settled()
    expect(both.said).toContain('polite offer')
    expect(both.said).toContain('impolite offer')
    expect(agreed(both)).toBe(true)
  })

  it('says again what was lost, once the line is back', async () => {
    for (const lost of ['offer', 'answer'] as const) {
      let losing = true
      const both = pair({
        lose: (signal) => losing && 'description' in signal && signal.description.type === lost,
      })
      await settled()
      expect(agreed(both), lost).toBe(false)
      losing = false
      both.impolite.resume()
      both.polite.resume()
      await settled()
      expect(agreed(both), lost).toBe(true)
    }
  })

  it('has the polite side offer when the first offer never comes', async () => {
    const both = pair({ lose: (_, from) => from === 'impolite' })
    await settled()
    expect(both.said).toEqual(['impolite offer'])
    both.pass()
    await settled()
    expect(both.said).toContain('polite offer')
  })

  it('looks for another way when the network changes, and not while there is one', async () => {
    const both = pair()
    await settled()
    const mine = both.connections.impolite
    mine.become('connected')
    both.impolite.resume()
    expect(mine.restarts).toBe(0)
    mine.become('disconnected')
    expect(mine.restarts).toBe(0)
    both.pass()
    expect(mine.restarts).toBe(1)
    mine.become('failed')
    expect(mine.restarts).toBe(2)
    await settled()
    expect(agreed(both)).toBe(true)
  })

  it('takes an answer that comes twice for the one it is', async () => {
    const both = pair()
    await settled()
    const answer = both.connections.polite.localDescription!
    await both.impolite.hear({ description: answer })
    expect(agreed(both)).toBe(true)
  })
})

class FakeSocket {
  static made: FakeSocket[] = []
  readyState = 0
  sent: unknown[] = []
  onopen: (() => void) | null = null
  onmessage: ((event: { data: string }) => void) | null = null
  onclose: ((event: { code: number }) => void) | null = null
  constructor() {
    FakeSocket.made.push(this)
  }
  send(data: string) {
    this.sent.push(JSON.parse(data))
  }
  close() {
    this.readyState = 3
  }
  open() {
    this.readyState = 1
    this.onopen?.()
    this.onmessage?.({ data: '{"type":"welcome"}' })
  }
  end(code: number) {
    this.readyState = 3
    this.onclose?.({ code })
  }
}

describe('the line', () => {
  const states: LineState[] = []
  const farewells: Farewell[] = []
  const heard: unknown[] = []
  let timers: (() => void)[] = []
  function line() {
    return new CallLine(
      'ws://x',
      () => ({ type: 'hello' }),
      {
        onState: (s) => states.push(s),
        onMessage: (m) => heard.push(m.type),
        onFarewell: (f) => farewells.push(f),
      },
      {
        newSocket: () => new FakeSocket() as unknown as WebSocket,
        setTimeout: (run) => timers.push(run),
        clearTimeout: () => undefined,
        random: () => 1,
      },
    )
  }
  const pass = () => timers.splice(0).forEach((run) => run())
  beforeEach(() => {
    states.length = farewells.length = heard.length = 0
    timers = []
    FakeSocket.made = []
  })

  it('says hello, comes back after a fault, and says hello again', () => {
    const mine = line()
    mine.open()
    expect(mine.send({ type: 'status' })).toBe(false)
    FakeSocket.made[0]!.open()
    expect(FakeSocket.made[0]!.sent).toEqual([{ type: 'hello' }])
    expect(mine.send({ type: 'status' })).toBe(true)
    FakeSocket.made[0]!.end(1006)
    pass()
    FakeSocket.made[1]!.open()
    expect(states).toEqual(['open', 'lost', 'open'])
    expect(farewells).toEqual([])
  })

  it('is over when the service says so', () => {
    for (const [code, why] of [
      [4000, 'over'],
      [4001, 'elsewhere'],
      [4006, 'taken'],
    ] as const) {
      const mine = line()
      mine.open()
      FakeSocket.made.at(-1)!.end(code)
      pass()
      expect(farewells.pop()).toBe(why)
    }
    expect(FakeSocket.made).toHaveLength(3)
  })

  it('does not hear what a socket says that was given up', () => {
    const mine = line()
    mine.open()
    FakeSocket.made[0]!.open()
    mine.renew()
    FakeSocket.made[0]!.onmessage?.({ data: '{"type":"call"}' })
    FakeSocket.made[0]!.end(4001)
    expect(heard).toEqual(['welcome'])
    expect(farewells).toEqual([])
    pass()
    expect(FakeSocket.made).toHaveLength(2)
  })
})

describe('devices', () => {
  const track = (kind: string) => ({ kind, enabled: true, stop: vi.fn(), onended: null, getSettings: () => ({}) })
  class FakeStream {
    tracks: ReturnType<typeof track>[] = []
    constructor(tracks: ReturnType<typeof track>[] = []) {
      this.tracks = [...tracks]
    }
    addTrack(t: ReturnType<typeof track>) {
      this.tracks.push(t)
    }
    removeTrack(t: ReturnType<typeof track>) {
      this.tracks = this.tracks.filter((x) => x !== t)
    }
    getTracks = () => this.tracks
    getAudioTracks = () => this.tracks.filter((t) => t.kind === 'audio')
    getVideoTracks = () => this.tracks.filter((t) => t.kind === 'video')
  }
  beforeEach(() => vi.stubGlobal('MediaStream', FakeStream))

  const media = (give: (wish: MediaStreamConstraints) => string[]) =>
    ({
      getUserMedia: async (wish: MediaStreamConstraints) => new FakeStream(give(wish).map(track)),
      enumerateDevices: async () => [{ kind: 'videoinput' }],
    }) as unknown as MediaDevices
  const refuse = (name: string): never => {
    throw new DOMException('', name)
  }
  const none = { onTrack: () => undefined, onChange: () => undefined }

  it('goes on with the voice alone when there is no camera, and says why', async () => {
    const mine = new Devices(
      none,
      media((wish) => (wish.video ? refuse('NotFoundError') : ['audio'])),
    )
    await mine.start(true)
    expect(mine.microphone).not.toBeNull()
    expect([mine.camera, mine.cameraTrouble, mine.microphoneTrouble]).toEqual([null, 'none', null])
  })

  it('joins to listen when everything is refused, and without https says that', async () => {
    const refused = new Devices(
      none,
      media(() => refuse('NotAllowedError')),
    )
    await refused.start(true)
    expect([refused.microphoneTrouble, refused.cameraTrouble]).toEqual(['denied', 'denied'])
    const insecure = new Devices(none, undefined as unknown as MediaDevices)
    // without `mediaDevices` there is nothing to ask
    Object.assign(insecure, { media: undefined })
    await insecure.start(true)
    expect(insecure.microphoneTrouble).toBe('insecure')
    expect(troubleOf(new DOMException('', 'NotReadableError'))).toBe('busy')
  })

  it('keeps quiet when muted, also with a microphone that comes later, and lets a camera go that is off', async () => {
    let may = false
    const mine = new Devices(
      none,
      media((wish) => (wish.video ? ['video'] : may ? ['audio'] : refuse('NotAllowedError'))),
    )
    await mine.start(true)
    mine.setMuted(true)
    may = true
    await mine.retryMicrophone()
    expect(mine.microphone!.enabled).toBe(false)
    const camera = mine.camera!
    await mine.setCamera(false)
    expect(camera.stop).toHaveBeenCalled()
    expect(mine.stream.getVideoTracks()).toHaveLength(0)
  })
})

describe('the picture of a recording', () => {
  it('shows everybody, the last row in the middle', () => {
    expect(grid(1, 1280, 720)).toEqual([{ x: 0, y: 0, w: 1280, h: 720 }])
    const three = grid(3, 1280, 720)
    expect(three.map((c) => c.x)).toEqual([0, 640, 320])
    for (let n = 0; n <= 8; n += 1) {
      for (const c of grid(n, 1280, 720)) {
        expect(c.x).toBeGreaterThanOrEqual(0)
        expect(c.x + c.w).toBeLessThanOrEqual(1280.001)
        expect(c.y + c.h).toBeLessThanOrEqual(720.001)
      }
    }
  })
})
