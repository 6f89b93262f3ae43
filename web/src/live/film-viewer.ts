/**
 * A viewer of films, for whoever shows a picture used like a WHEP viewer (`whep.ts`).
 *
 * Promises: comes back by itself after any fault, waiting longer each time; leaves the browser connections for the rest
 * of the page: over HTTP/1.1 it allows six to one host. Not here: the film itself (`film.ts`), choosing it (`way.ts`).
 */
import { backoffMs } from './backoff'
import { Film, type FilmZero } from './film'
import type { FeedSession, Stream, WhepEvents, WhepState } from './whep'

const MOST_OVER_HTTP1 = 4
const FULL_MS = 5_000
let open = 0

function most(): number {
  const [page] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[]
  return /^h[23]/.test(page?.nextHopProtocol ?? '') ? 64 : MOST_OVER_HTTP1
}

export class FilmViewer {
  state: WhepState = 'idle'
  reason: string | null = null
  reconnects = 0
  private failures = 0
  private film: Film | null = null
  private retryTimer: number | null = null

  constructor(
    readonly cameraId: string,
    readonly stream: Stream,
    private readonly events: Pick<WhepEvents, 'onState'>,
    private readonly video: () => HTMLVideoElement | null,
  ) {}

  get zero(): FilmZero | null {
    return this.film?.zero ?? null
  }
  get serving(): string | null {
    return this.film?.serving ?? null
  }

  open(): void {
    if (this.state === 'idle' || this.state === 'closed') this.connect()
  }

  sawPicture(): void {
    if (this.film === null) return
    this.failures = 0
    if (this.state !== 'live') this.enter('live', null)
  }

  close(): void {
    if (this.state === 'closed') return
    if (this.retryTimer !== null) window.clearTimeout(this.retryTimer)
    this.retryTimer = null
    if (this.film !== null) open -= 1
    this.film?.close()
    this.film = null
    this.enter('closed', null)
  }

  session(): Promise<FeedSession | null> {
    return Promise.resolve(null)
  }

  private connect(): void {
    const video = this.video()
    if (video === null) return
    if (open >= most()) return this.later('films_full', FULL_MS)
    open += 1
    this.enter('connecting', this.reason)
    this.film = new Film(this.cameraId, this.stream, video, (reason) => {
      open -= 1
      this.film = null
      this.reconnects += 1
      this.later(reason, backoffMs(this.failures++))
    })
  }

  private later(reason: string, ms: number): void {
    this.enter('waiting', reason)
    this.retryTimer = window.setTimeout(() => this.connect(), ms)
  }

  private enter(state: WhepState, reason: string | null): void {
    this.state = state
    this.reason = reason
    this.events.onState?.(state, reason)
  }
}
