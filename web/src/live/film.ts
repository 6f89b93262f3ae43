/**
 * A live feed over one HTTP response, for Media Source Extensions: what is played where WebRTC cannot get through.
 *
 * Promises: stays near the present (jumps over gaps and what has become late, plays a little faster to catch up); keeps
 * only the last seconds in memory; a response that ends or gives nothing for a while ends the film, and whoever plays it
 * asks anew. Not here: when it is chosen (`player.ts`), what is shown while there is no video.
 */
import { problemOf } from '@/api/client'
import type { Stream } from './whep'

export interface FilmZero {
  streamTime: number
  capturedAt: number
}

const SILENT_MS = 9_000
const KEEP_SECONDS = 12
/** Behind the newest picture: further than `LATE`, it jumps to `NEAR`; further than `SLOW`, it plays faster. */
const NEAR_SECONDS = 0.25
const SLOW_SECONDS = 0.8
const LATE_SECONDS = 2.5
const MOST_QUEUED = 400

export function canPlayFilms(): boolean {
  return 'MediaSource' in globalThis && 'ReadableStream' in globalThis
}

export class Film {
  zero: FilmZero | null = null
  serving: string | null = null
  private readonly abort = new AbortController()
  private readonly source = new MediaSource()
  private buffer: SourceBuffer | null = null
  private queue: Uint8Array<ArrayBuffer>[] = []
  private silent: number | null = null
  private ended = false
  readonly url = URL.createObjectURL(this.source)

  /** `onEnd` is called once, with why, unless `close` came first. */
  constructor(
    readonly cameraId: string,
    readonly stream: Stream,
    private readonly video: HTMLVideoElement,
    private readonly onEnd: (reason: string) => void,
  ) {
    this.source.addEventListener('sourceopen', () => void this.run(), { once: true })
    this.video.srcObject = null
    this.video.src = this.url
    void this.video.play().catch(() => undefined)
  }

  close(): void {
    if (this.ended) return
    this.ended = true
    this.abort.abort()
    if (this.silent !== null) window.clearTimeout(this.silent)
    this.queue = []
    this.video.removeAttribute('src')
    this.video.playbackRate = 1
    this.video.load()
    URL.revokeObjectURL(this.url)
  }

  private end(reason: string): void {
    if (this.ended) return
    this.close()
    this.onEnd(reason)
  }

  private async run(): Promise<void> {
    try {
      this.listen()
      const response = await fetch(`/api/cameras/${encodeURIComponent(this.cameraId)}/live.mp4?role=${this.stream}`, {
        credentials: 'same-origin',
        signal: this.abort.signal,
      })
      if (!response.ok || response.body === null) {
        const body: unknown = await response.json().catch(() => null)
        return this.end(problemOf(response.status, body).sentence)
      }
      const type = response.headers.get('Content-Type') ?? ''
      if (!MediaSource.isTypeSupported(type)) return this.end('film_unsupported')
      const [streamTime, capturedAt] = (response.headers.get('X-Media-Zero') ?? '').split(' ').map(Number)
      this.zero = streamTime !== undefined && capturedAt !== undefined ? { streamTime, capturedAt } : null
      this.serving = response.headers.get('X-Live-Serving')
      this.buffer = this.source.addSourceBuffer(type)
      this.buffer.addEventListener('updateend', () => this.feed())
      this.buffer.addEventListener('error', () => this.end('connection_lost'))
      const reader = response.body.getReader()
      for (;;) {
        const { done, value } = await reader.read()
        if (this.ended) return
        if (done) return this.end('connection_lost')
        this.listen()
        this.queue.push(value)
        // whoever cannot even append what comes has nothing to show: begin anew
        if (this.queue.length > MOST_QUEUED) return this.end('no_fresh_picture')
        this.feed()
      }
    } catch {
      this.end('connection_lost')
    }
  }

  private listen(): void {
    if (this.silent !== null) window.clearTimeout(this.silent)
    this.silent = window.setTimeout(() => this.end('no_fresh_picture'), SILENT_MS)
  }

  private feed(): void {
    const buffer = this.buffer
    if (this.ended || buffer === null || buffer.updating || this.source.readyState !== 'open') return
    try {
      const ranges = buffer.buffered
      if (ranges.length > 0) this.follow(ranges)
      const from = ranges.length > 0 ? ranges.start(0) : 0
      if (this.video.currentTime - from > 2 * KEEP_SECONDS) {
        buffer.remove(from, this.video.currentTime - KEEP_SECONDS)
      } else if (this.queue.length > 0) {
        buffer.appendBuffer(joined(this.queue))
        this.queue = []
      }
    } catch {
      this.end('connection_lost')
    }
  }

  /** Keeps to the newest pictures. */
  private follow(ranges: TimeRanges): void {
    const last = ranges.length - 1
    const newest = ranges.end(last)
    const now = this.video.currentTime
    const behind = newest - now
    if (now < ranges.start(last) || behind > LATE_SECONDS) {
      this.video.currentTime = Math.max(ranges.start(last), newest - NEAR_SECONDS)
    }
    this.video.playbackRate = behind > SLOW_SECONDS ? 1.1 : 1
    if (this.video.paused) void this.video.play().catch(() => undefined)
  }
}

function joined(parts: Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  if (parts.length === 1) return parts[0]!
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
