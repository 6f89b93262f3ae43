import { beforeEach, describe, expect, it, vi } from 'vitest'
import { setLanguage } from '@/i18n'
import { faultOf } from '@/lib/film'
import { WhipSender, type WhipState } from '@/live/whip'

/** The few members of RTCPeerConnection that the sender uses. */
class FakeConnection extends EventTarget {
  static made: FakeConnection[] = []
  iceGatheringState: RTCIceGatheringState = 'complete'
  connectionState: RTCPeerConnectionState = 'new'
  localDescription: { sdp: string } | null = null
  remote: string | null = null
  closed = false
  onconnectionstatechange: (() => void) | null = null
  replaced: unknown[] = []
  init: RTCRtpTransceiverInit | undefined

  constructor(readonly servers: RTCIceServer[]) {
    super()
    FakeConnection.made.push(this)
  }
  addTransceiver(_track: unknown, init?: RTCRtpTransceiverInit) {
    this.init = init
    return {
      sender: { replaceTrack: async (track: unknown) => void this.replaced.push(track) },
      setCodecPreferences: () => undefined,
    }
  }
  async createOffer() {
    return { type: 'offer', sdp: 'v=0 offer' }
  }
  async setLocalDescription(description: { sdp: string }) {
    this.localDescription = description
  }
  async setRemoteDescription({ sdp }: { sdp: string }) {
    this.remote = sdp
  }
  become(state: RTCPeerConnectionState) {
    this.connectionState = state
    this.onconnectionstatechange?.()
  }
  close() {
    this.closed = true
  }
}

const calls: { method: string; url: string; body: unknown; keepalive: boolean }[] = []
const states: [WhipState, string | null][] = []
const track = { kind: 'video' } as MediaStreamTrack
let post: () => Response
let seen: object | null
let over = false

const created = (location: string) => new Response('v=0 answer', { status: 201, headers: { Location: location } })
const problem = (status: number, kind: string, zh: string, en: string) =>
  new Response(JSON.stringify({ type: `/problems/${kind}`, titles: { zh, en }, status }), { status })

function film(): WhipSender {
  const sender = new WhipSender(
    { onState: (state, reason) => states.push([state, reason]) },
    {
      newConnection: (servers) => new FakeConnection(servers) as unknown as RTCPeerConnection,
      setTimeout: (run, ms) => window.setTimeout(run, ms),
      clearTimeout: (id) => window.clearTimeout(id),
      random: () => 1,
      fetch: (async (url: string, init: RequestInit = {}) => {
        const method = init.method ?? 'GET'
        calls.push({ method, url, body: init.body, keepalive: init.keepalive === true })
        if (method === 'OPTIONS')
          return new Response(null, { status: 204, headers: { Link: '<stun:stun.example.org>; rel="ice-server"' } })
        if (method === 'POST') return post()
        if (method === 'GET' && over) return problem(410, 'taken-over', '别处', 'Elsewhere')
        if (method === 'GET') return seen ? new Response(JSON.stringify(seen)) : new Response('', { status: 404 })
        return new Response(null, { status: 204 })
      }) as typeof fetch,
    },
  )
  sender.start(track)
  return sender
}

const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms)
const last = () => states[states.length - 1]
const made = () => FakeConnection.made[FakeConnection.made.length - 1]!

beforeEach(() => {
  vi.useFakeTimers()
  setLanguage('en')
  calls.length = states.length = FakeConnection.made.length = 0
  post = () => created('/api/whip/sessions/one')
  seen = { is_seen: true, bytes: 9 }
  over = false
})

describe('a phone that films', () => {
  it('is live once the service has seen a picture, not before', async () => {
    seen = { is_seen: false, bytes: 0 }
    film()
    await settle(2000)
    expect(made().servers).toEqual([{ urls: 'stun:stun.example.org' }])
    expect(made().init).toMatchObject({ direction: 'sendonly', sendEncodings: [{ maxFramerate: 15 }] })
    expect(last()).toEqual(['connecting', null])
    seen = { is_seen: true, bytes: 9 }
    await settle(2000)
    expect(last()).toEqual(['live', null])
  })

  it('comes back on another network without a goodbye, and at once when told that there is one', async () => {
    const sender = film()
    await settle(2000)
    post = () => {
      throw new TypeError('no network')
    }
    made().become('disconnected')
    await settle(3000)
    expect(last()).toEqual(['waiting', 'lost'])
    await settle(30_000)
    expect(last()![0]).toBe('waiting')
    post = () => created('/api/whip/sessions/two')
    sender.hurry()
    await settle(2000)
    expect(last()).toEqual(['live', null])
    expect(calls.filter((c) => c.method === 'DELETE')).toEqual([])
    sender.stop()
    expect(calls.filter((c) => c.method === 'DELETE')).toMatchObject([
      { url: '/api/whip/sessions/two', keepalive: true },
    ])
    expect(made().closed).toBe(true)
  })

  it('begins anew when the service has let it go', async () => {
    film()
    await settle(2000)
    seen = null
    post = () => created('/api/whip/sessions/two')
    await settle(2000)
    seen = { is_seen: true, bytes: 9 }
    await settle(4000)
    expect(last()).toEqual(['live', null])
    expect(calls.filter((c) => c.method === 'POST')).toHaveLength(2)
  })

  it('gives way to another phone of the same person', async () => {
    const sender = film()
    await settle(2000)
    over = true
    made().become('closed')
    await settle(5000)
    expect(last()).toEqual(['refused', 'Elsewhere'])
    expect(calls.filter((c) => c.method === 'POST')).toHaveLength(1)
    over = false
    sender.start(track)
    await settle(2000)
    expect(last()).toEqual(['live', null])
  })

  it('waits for room, and does not insist where it may not', async () => {
    post = () => problem(503, 'too-many-phones', '满了', 'As many as may be')
    const sender = film()
    await settle(100)
    expect(last()).toEqual(['waiting', 'As many as may be'])
    post = () => problem(409, 'no-phones', '没有', 'Not here')
    await settle(5000)
    expect(last()).toEqual(['refused', 'Not here'])
    await settle(60_000)
    expect(calls.filter((c) => c.method === 'POST')).toHaveLength(2)
    post = () => created('/api/whip/sessions/one')
    sender.start(track)
    await settle(2000)
    expect(last()).toEqual(['live', null])
  })

  it('says where it is, again when that changes, and changes cameras without a new connection', async () => {
    const sender = film()
    sender.place({ latitude: 28.9, longitude: 118.7, accuracy: 9 })
    await settle(2000)
    expect(calls.find((c) => c.method === 'POST')!.url).toMatch(
      /^\/api\/whip\?phone=\w*&latitude=28.9&longitude=118.7&accuracy=9$/,
    )
    sender.place({ latitude: 28.91, longitude: 118.7, accuracy: 9 })
    await settle()
    expect(calls.filter((c) => c.method === 'PUT').map((c) => JSON.parse(String(c.body)).latitude)).toEqual([
      28.9, 28.91,
    ])
    const other = { kind: 'video' } as MediaStreamTrack
    await sender.film(other)
    expect(made().replaced).toEqual([other])
    expect(FakeConnection.made).toHaveLength(1)
  })
})

it('every fault of the camera is one that the page can explain', () => {
  const named = (name: string) => faultOf(Object.assign(new Error(''), { name }))
  expect(['NotAllowedError', 'NotFoundError', 'NotReadableError', 'TypeError'].map(named)).toEqual([
    'denied',
    'none',
    'busy',
    'unable',
  ])
})
