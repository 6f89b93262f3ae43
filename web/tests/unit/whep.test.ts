import { beforeEach, describe, expect, it, vi } from 'vitest'
import { setLanguage } from '@/i18n'
import { backoffMs } from '@/live/backoff'
import { forgetIceServers, serversIn } from '@/live/ice'
import { WhepViewer, type WhepState } from '@/live/whep'

/** The few members of RTCPeerConnection that the viewer uses. */
class FakeConnection extends EventTarget {
  static made: FakeConnection[] = []
  iceGatheringState: RTCIceGatheringState = 'new'
  connectionState: RTCPeerConnectionState = 'new'
  localDescription: { sdp: string } | null = null
  remote: string | null = null
  closed = false
  ontrack: ((event: unknown) => void) | null = null
  onconnectionstatechange: (() => void) | null = null
  onicecandidate: ((event: { candidate: unknown }) => void) | null = null
  directions: (string | undefined)[] = []

  constructor(readonly servers: RTCIceServer[]) {
    super()
    FakeConnection.made.push(this)
  }
  addTransceiver(_kind: string, init?: { direction?: string }) {
    this.directions.push(init?.direction)
    return { setCodecPreferences: () => undefined }
  }
  async createOffer() {
    return { type: 'offer', sdp: 'v=0 offer' }
  }
  async setLocalDescription(description: { sdp: string }) {
    this.localDescription = { sdp: `${description.sdp} without candidates` }
  }
  async setRemoteDescription({ sdp }: { sdp: string }) {
    this.remote = sdp
  }
  gather() {
    this.localDescription = { sdp: 'v=0 offer with candidates' }
    this.iceGatheringState = 'complete'
    this.dispatchEvent(new Event('icegatheringstatechange'))
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
let options: () => Response
let answer: () => Response | Promise<Response>
const states: [WhepState, string | null][] = []

function viewer(stream: 'sub' | 'main' = 'sub') {
  return new WhepViewer(
    'village-gate',
    stream,
    { onState: (state, reason) => states.push([state, reason]) },
    {
      newConnection: (servers) => new FakeConnection(servers) as unknown as RTCPeerConnection,
      random: () => 1,
      fetch: async (url, init) => {
        if (init?.method === 'OPTIONS') return options()
        calls.push({
          method: init?.method ?? 'GET',
          url: String(url),
          body: init?.body,
          keepalive: init?.keepalive ?? false,
        })
        if (init?.method === 'DELETE') return new Response(null, { status: 200 })
        return await answer()
      },
    },
  )
}
const settle = () => vi.advanceTimersByTimeAsync(0)
const newest = () => FakeConnection.made[FakeConnection.made.length - 1]!
const deletes = () => calls.filter((c) => c.method === 'DELETE')
const created = (id: number) =>
  new Response('v=0 answer', { status: 201, headers: { Location: `/api/whep/sessions/${id}` } })

async function playing(v: WhepViewer) {
  v.open()
  await settle()
  newest().gather()
  await settle()
  v.sawPicture()
}

beforeEach(() => {
  vi.useFakeTimers()
  FakeConnection.made = []
  calls.length = 0
  states.length = 0
  let id = 0
  answer = () => created(++id)
  options = () => new Response(null, { status: 204 })
  forgetIceServers()
})

describe('a WHEP viewer', () => {
  it('offers to receive video once its candidates are gathered, and takes the answer', async () => {
    const v = viewer('main')
    v.open()
    await settle()
    expect(calls).toHaveLength(0)
    newest().gather()
    await settle()
    expect(newest().directions).toEqual(['recvonly'])
    expect(calls[0]).toMatchObject({
      method: 'POST',
      url: '/api/whep/village-gate?stream=main',
      body: 'v=0 offer with candidates',
    })
    expect(newest().remote).toBe('v=0 answer')
    expect(v.state).toBe('connecting')
    v.sawPicture()
    expect(v.state).toBe('live')
  })

  it('knows the STUN and TURN servers before it offers, and asks for them once', async () => {
    let asked = 0
    options = () => {
      asked += 1
      const link =
        '<stun:s.example:3478>; rel="ice-server", <turn:t.example?transport=tcp>; rel="ice-server"; username="u"; credential="a\\"b, <c>"; credential-type="password"'
      return new Response(null, { status: 204, headers: { Link: link } })
    }
    await playing(viewer())
    await playing(viewer())
    expect(asked).toBe(1)
    const servers = [
      { urls: 'stun:s.example:3478' },
      { urls: 'turn:t.example?transport=tcp', username: 'u', credential: 'a"b, <c>' },
    ]
    expect(FakeConnection.made.map((c) => c.servers)).toEqual([servers, servers])
  })

  it('connects all the same when the servers are not told, and asks again the next time', async () => {
    options = () => new Response(null, { status: 503 })
    await playing(viewer())
    expect(newest().servers).toEqual([])
    options = () => new Response(null, { status: 204, headers: { Link: '<stun:s.example>; rel="ice-server"' } })
    await playing(viewer())
    expect(newest().servers).toEqual([{ urls: 'stun:s.example' }])
    expect(serversIn('<https://x.example>; rel="ice-server", <stun:a>; rel="next", <stun:b>')).toEqual([])
  })

  it('tells of candidates that were found after the offer', async () => {
    answer = () =>
      new Response('v=0 answer', { status: 201, headers: { Location: '/api/whep/sessions/1', ETag: '"tag"' } })
    const v = viewer()
    v.open()
    await vi.advanceTimersByTimeAsync(700)
    newest().localDescription = { sdp: 'v=0\r\na=ice-ufrag:abcd\r\n' }
    newest().onicecandidate?.({ candidate: { candidate: 'candidate:1 1 udp 1 192.0.2.1 9 typ relay', sdpMid: '0' } })
    newest().onicecandidate?.({ candidate: null })
    await settle()
    const patches = calls.filter((c) => c.method === 'PATCH')
    expect(patches).toHaveLength(1)
    expect(patches[0]!.url).toBe('/api/whep/sessions/1')
    expect(String(patches[0]!.body).split('\r\n')).toEqual([
      'a=ice-ufrag:abcd',
      'm=video 9 UDP/TLS/RTP/SAVPF 0',
      'a=mid:0',
      'a=candidate:1 1 udp 1 192.0.2.1 9 typ relay',
      '',
    ])
  })

  it('does not wait for ever for candidates', async () => {
    viewer().open()
    await vi.advanceTimersByTimeAsync(700)
    expect(calls[0]!.body).toBe('v=0 offer without candidates')
  })

  it('says goodbye with a request that outlives the page, once', async () => {
    const v = viewer()
    await playing(v)
    v.close()
    v.close()
    expect(deletes()).toEqual([{ method: 'DELETE', url: '/api/whep/sessions/1', body: undefined, keepalive: true }])
    expect(newest().closed).toBe(true)
    await vi.advanceTimersByTimeAsync(120_000)
    expect(FakeConnection.made).toHaveLength(1)
  })

  it('ends the session of an answer that comes after it has left', async () => {
    let give: (r: Response) => void = () => undefined
    answer = () => new Promise<Response>((resolve) => (give = resolve))
    const v = viewer()
    v.open()
    await settle()
    newest().gather()
    await settle()
    v.close()
    give(created(7))
    await settle()
    expect(deletes().map((c) => c.url)).toEqual(['/api/whep/sessions/7'])
    expect(v.state).toBe('closed')
  })

  it('comes back when the connection fails, and lets go of the old session', async () => {
    const v = viewer()
    await playing(v)
    newest().become('failed')
    expect(v.state).toBe('waiting')
    expect(v.reason).toBe('connection_lost')
    expect(deletes().map((c) => c.url)).toEqual(['/api/whep/sessions/1'])
    await vi.advanceTimersByTimeAsync(800)
    newest().gather()
    await settle()
    v.sawPicture()
    expect(v.state).toBe('live')
    expect(v.reconnects).toBe(1)
    expect(v.failures).toBe(0)
  })

  it('forgives a short break of the network', async () => {
    const v = viewer()
    await playing(v)
    newest().become('disconnected')
    await vi.advanceTimersByTimeAsync(2000)
    newest().become('connected')
    await vi.advanceTimersByTimeAsync(4000)
    v.sawPicture()
    expect(v.state).toBe('live')
    newest().become('disconnected')
    await vi.advanceTimersByTimeAsync(4000)
    expect(v.state).toBe('waiting')
  })

  it('takes a connection without fresh pictures for broken', async () => {
    const v = viewer()
    await playing(v)
    for (let i = 0; i < 10; i += 1) {
      await vi.advanceTimersByTimeAsync(5000)
      v.sawPicture()
    }
    expect(v.state).toBe('live')
    await vi.advanceTimersByTimeAsync(9000)
    expect(states[states.length - 1]).toEqual(['waiting', 'no_fresh_picture'])
  })

  it('gives up on an answer that brings no picture', async () => {
    const v = viewer()
    v.open()
    await settle()
    newest().gather()
    await settle()
    newest().become('connected')
    await vi.advanceTimersByTimeAsync(10_000)
    expect(v.reason).toBe('no_first_picture')
  })

  it('says within seconds that there is no way to the service, but not once there was one', async () => {
    const v = viewer()
    v.open()
    await settle()
    newest().gather()
    await settle()
    await vi.advanceTimersByTimeAsync(4_000)
    expect(states[states.length - 1]).toEqual(['waiting', 'no_way'])
    const w = viewer()
    await playing(w)
    newest().become('failed')
    expect(w.reason).toBe('connection_lost')
  })

  it('says why it was refused in the language of the page, and tries again ever more slowly', async () => {
    setLanguage('zh')
    answer = () =>
      Response.json(
        { type: '/problems/too-many-viewers', titles: { zh: '观看人数已达上限', en: 'Too many viewers' }, status: 503 },
        { status: 503 },
      )
    const v = viewer()
    v.open()
    const tries: number[] = []
    let seen = 0
    for (let ms = 0; ms < 60_000; ms += 100) {
      await vi.advanceTimersByTimeAsync(100)
      if (FakeConnection.made.length > seen) {
        seen = FakeConnection.made.length
        newest().gather()
        tries.push(ms)
      }
    }
    expect(v.reason).toBe('观看人数已达上限')
    const gaps = tries.slice(1).map((t, i) => t - tries[i]!)
    expect(gaps.length).toBeGreaterThan(4)
    for (let i = 1; i < gaps.length; i += 1) expect(gaps[i]!).toBeGreaterThanOrEqual(gaps[i - 1]! - 200)
    expect(Math.max(...gaps)).toBeLessThanOrEqual(15_300)
  })

  it('reads what the service says of its feed only while it has one', async () => {
    const v = viewer()
    expect(await v.session()).toBeNull()
    await playing(v)
    answer = () => Response.json({ id: '1', clock: null })
    expect(await v.session()).toMatchObject({ id: '1' })
    expect(calls[calls.length - 1]).toMatchObject({ method: 'GET', url: '/api/whep/sessions/1' })
  })
})

describe('backing off', () => {
  it('doubles, is bounded and spread', () => {
    expect([0, 1, 2, 3, 9].map((n) => backoffMs(n, () => 1))).toEqual([800, 1600, 3200, 6400, 15_000])
    expect(backoffMs(3, () => 0)).toBe(3840)
  })
})
