/**
 * One socket for all boxes on the page.
 *
 * Promises: asks only for the cameras somebody shows, reconnects by itself, hands each look to those who show its
 * camera. Not here: which boxes fit which picture (`track-boxes.ts`), drawing (`draw.ts`).
 */
import { backoffMs } from './backoff'
import { isOverlay, type OverlayMessage } from './overlay-types'

type Listener = (look: OverlayMessage) => void

export class OverlayFeed {
  private readonly listeners = new Map<string, Set<Listener>>()
  private socket: WebSocket | null = null
  private attempt = 0
  private retry: ReturnType<typeof setTimeout> | null = null
  private pending: ReturnType<typeof setTimeout> | null = null

  constructor(
    private readonly url: () => string = defaultUrl,
    private readonly newSocket: (url: string) => WebSocket = (u) => new WebSocket(u),
  ) {}

  /** Hear what is seen on a camera until the returned function is called. */
  watch(cameraId: string, listener: Listener): () => void {
    const known = this.listeners.get(cameraId) ?? new Set()
    known.add(listener)
    this.listeners.set(cameraId, known)
    this.askSoon()
    return () => {
      known.delete(listener)
      if (known.size === 0 && this.listeners.get(cameraId) === known) this.listeners.delete(cameraId)
      this.askSoon()
    }
  }

  get cameras(): string[] {
    return [...this.listeners.keys()].sort()
  }

  private askSoon(): void {
    if (this.pending !== null) return
    this.pending = setTimeout(() => {
      this.pending = null
      this.ask()
    }, 30)
  }

  private ask(): void {
    if (this.listeners.size === 0) {
      this.drop()
      return
    }
    if (this.socket === null) this.connect()
    else if (this.socket.readyState === 1) this.socket.send(JSON.stringify({ cameras: this.cameras }))
  }

  private connect(): void {
    if (this.retry !== null) return
    const socket = this.newSocket(this.url())
    this.socket = socket
    socket.onopen = () => {
      this.attempt = 0
      socket.send(JSON.stringify({ cameras: this.cameras }))
    }
    socket.onmessage = (event) => this.hear(event.data)
    socket.onclose = () => {
      if (this.socket !== socket) return
      this.socket = null
      if (this.listeners.size === 0) return
      this.retry = setTimeout(() => {
        this.retry = null
        this.ask()
      }, backoffMs(this.attempt++))
    }
  }

  private hear(data: unknown): void {
    if (typeof data !== 'string') return
    let value: unknown
    try {
      value = JSON.parse(data)
    } catch {
      return
    }
    if (!isOverlay(value)) return
    for (const listener of this.listeners.get(value.camera_id) ?? []) listener(value)
  }

  private drop(): void {
    if (this.retry !== null) clearTimeout(this.retry)
    this.retry = null
    const socket = this.socket
    this.socket = null
    socket?.close()
  }
}

function defaultUrl(): string {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/overlays`
}

export const overlayFeed = new OverlayFeed()
