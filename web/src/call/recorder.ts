/**
 * Records a call in this browser: everybody who agreed side by side, their voices mixed, sent away in pieces as it goes.
 *
 * Promises: only who is named in `people` at that moment is seen and heard; nothing while it is paused; a piece that did
 * not go out is sent again, and what waits to go out is bounded; what went out is kept whatever happens here. Not here:
 * who agreed (the service), what becomes of the pieces (`alerts/call_recordings.py`).
 */
import { http, take, type Schemas } from '@/api/client'

export interface RecordedTile {
  id: string
  name: string
  stream: MediaStream | null
  isDark: boolean
}

/** unable: this browser cannot; refused: the service does not take it; behind: the network is too slow for it. */
export type RecorderTrouble = 'unable' | 'refused' | 'behind'

const WIDTH = 1280
const HEIGHT = 720
const PICTURES = 12
const PIECE_MS = 2_000
const BITS = 1_200_000
const MOST_WAITING_BYTES = 40_000_000
const TYPES = ['video/webm;codecs=vp8,opus', 'video/webm', 'video/mp4']

/** Where each of `count` tiles stands in a picture of that size. */
export function grid(count: number, width: number, height: number): { x: number; y: number; w: number; h: number }[] {
  const columns = Math.ceil(Math.sqrt(count))
  const rows = Math.ceil(count / Math.max(1, columns))
  const w = width / Math.max(1, columns)
  const h = height / Math.max(1, rows)
  return Array.from({ length: count }, (_, i) => {
    const row = Math.floor(i / columns)
    const inRow = row === rows - 1 ? count - row * columns : columns
    return { x: (i % columns) * w + ((columns - inRow) * w) / 2, y: row * h, w, h }
  })
}

export class CallRecorder {
  private readonly canvas = document.createElement('canvas')
  private readonly videos = new Map<string, HTMLVideoElement>()
  private readonly voices = new Map<string, { node: MediaStreamAudioSourceNode; track: MediaStreamTrack }>()
  private audio: AudioContext | null = null
  private mix: MediaStreamAudioDestinationNode | null = null
  private recorder: MediaRecorder | null = null
  private timer: number | null = null
  private paused = false
  private stopped = false
  private id: string | null = null
  private next = 0
  private waiting: Blob[] = []
  private waitingBytes = 0
  private sending: Promise<void> | null = null
  private most = 800_000

  constructor(
    private readonly callId: string,
    private readonly people: () => RecordedTile[],
    private readonly onTrouble: (trouble: RecorderTrouble | null) => void,
  ) {}

  async start(): Promise<void> {
    const type = TYPES.find((t) => globalThis.MediaRecorder?.isTypeSupported(t))
    if (!type) {
      this.onTrouble('unable')
      return
    }
    try {
      const begun = await take<Schemas['CallRecordingBegun']>(
        http.POST('/api/calls/{call_id}/recordings', { params: { path: { call_id: this.callId } } }),
      )
      this.id = begun.id
      this.most = begun.most_piece_bytes
    } catch {
      this.onTrouble('refused')
      return
    }
    if (this.stopped) return
    this.canvas.width = WIDTH
    this.canvas.height = HEIGHT
    this.audio = new AudioContext()
    this.mix = this.audio.createMediaStreamDestination()
    this.draw()
    this.timer = window.setInterval(() => this.draw(), 1000 / PICTURES)
    const stream = this.canvas.captureStream(PICTURES)
    for (const track of this.mix.stream.getAudioTracks()) stream.addTrack(track)
    this.recorder = new MediaRecorder(stream, { mimeType: type, videoBitsPerSecond: BITS, audioBitsPerSecond: 64_000 })
    this.recorder.ondataavailable = ({ data }) => this.keep(data)
    this.recorder.start(PIECE_MS)
    if (this.paused) this.recorder.pause()
  }

  setPaused(paused: boolean): void {
    if (this.paused === paused) return
    this.paused = paused
    if (paused && this.recorder?.state === 'recording') this.recorder.pause()
    else if (!paused && this.recorder?.state === 'paused') this.recorder.resume()
  }

  /** Sends what is left, and says that this was all. */
  async stop(): Promise<void> {
    if (this.stopped) return
    this.stopped = true
    const recorder = this.recorder
    if (recorder && recorder.state !== 'inactive') {
      await new Promise<void>((resolve) => {
        recorder.onstop = () => resolve()
        recorder.stop()
      })
    }
    if (this.timer !== null) window.clearInterval(this.timer)
    for (const video of this.videos.values()) video.srcObject = null
    void this.audio?.close()
    await this.sending
    if (this.id === null) return
    await take(
      http.POST('/api/calls/recordings/{recording_id}/finish', { params: { path: { recording_id: this.id } } }),
    ).catch(() => undefined) // the service finishes it by itself
  }

  private keep(data: Blob): void {
    if (data.size === 0) return
    for (let at = 0; at < data.size; at += this.most) this.waiting.push(data.slice(at, at + this.most))
    this.waitingBytes += data.size
    if (this.waitingBytes > MOST_WAITING_BYTES) {
      this.onTrouble('behind')
      return
    }
    this.sending ??= this.send().finally(() => (this.sending = null))
  }

  private async send(): Promise<void> {
    let tries = 0
    while (this.waiting.length > 0) {
      const piece = this.waiting[0]!
      let status = 0
      try {
        const response = await fetch(`/api/calls/recordings/${this.id}/pieces/${this.next}`, {
          method: 'PUT',
          headers: { 'Content-Type': 'application/octet-stream' },
          body: piece,
          credentials: 'same-origin',
          signal: AbortSignal.timeout(20_000),
        })
        status = response.status
      } catch {
        // no network at the moment
      }
      if (status === 200) {
        tries = 0
        this.next += 1
        this.waiting.shift()
        this.waitingBytes -= piece.size
      } else if ((status >= 400 && status < 500) || status === 507 || tries > 15) {
        this.waiting = []
        if (!this.stopped) this.onTrouble('refused')
        return
      } else {
        tries += 1
        await new Promise((resolve) => window.setTimeout(resolve, Math.min(8000, 400 * 2 ** tries)))
      }
    }
  }

  private draw(): void {
    const context = this.canvas.getContext('2d')
    if (!context) return
    const tiles = this.people()
    this.follow(tiles)
    context.fillStyle = '#0b1517'
    context.fillRect(0, 0, WIDTH, HEIGHT)
    grid(tiles.length, WIDTH, HEIGHT).forEach((cell, i) => {
      const tile = tiles[i]!
      const video = this.videos.get(tile.id)
      if (video && !tile.isDark && video.videoWidth > 0) {
        const scale = Math.min((cell.w - 8) / video.videoWidth, (cell.h - 8) / video.videoHeight)
        const w = video.videoWidth * scale
        const h = video.videoHeight * scale
        context.drawImage(video, cell.x + (cell.w - w) / 2, cell.y + (cell.h - h) / 2, w, h)
      }
      context.font = '24px sans-serif'
      const width = context.measureText(tile.name).width
      context.fillStyle = 'rgb(7 14 16 / 70%)'
      context.fillRect(cell.x + 12, cell.y + cell.h - 50, width + 24, 38)
      context.fillStyle = '#f4eee0'
      context.fillText(tile.name, cell.x + 24, cell.y + cell.h - 23)
    })
    context.font = '20px monospace'
    context.fillStyle = '#f4eee0'
    context.fillText(new Date().toISOString().slice(0, 19).replace('T', ' ') + ' UTC', 16, 30)
  }

  /** A hidden element for each picture, a source for each voice; of who is gone, none. */
  private follow(tiles: RecordedTile[]): void {
    const wanted = new Map(tiles.map((t) => [t.id, t]))
    for (const [id, video] of this.videos) {
      if (wanted.get(id)?.stream !== video.srcObject) {
        video.srcObject = null
        this.videos.delete(id)
      }
    }
    for (const [id, { node, track }] of this.voices) {
      if (wanted.get(id)?.stream?.getAudioTracks()[0] !== track) {
        node.disconnect()
        this.voices.delete(id)
      }
    }
    for (const { id, stream } of tiles) {
      if (stream && !this.videos.has(id)) {
        const video = document.createElement('video')
        video.muted = true
        video.playsInline = true
        video.srcObject = stream
        void video.play().catch(() => undefined)
        this.videos.set(id, video)
      }
      const track = stream?.getAudioTracks()[0]
      if (track && this.audio && this.mix && !this.voices.has(id)) {
        const node = this.audio.createMediaStreamSource(new MediaStream([track]))
        node.connect(this.mix)
        this.voices.set(id, { node, track })
      }
    }
  }
}
