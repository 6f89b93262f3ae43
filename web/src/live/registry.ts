/** What each tile on the page does now, on `window.__tiles` for tests and for whoever opens the console of a browser. */
import type { Stream } from './whep'

export interface TileReport {
  camera: string
  stream: Stream
  /** idle, connecting, live, waiting, closed */
  state: string
  /** video, snapshot or none: what the eye sees */
  mode: string
  reason: string | null
  currentTime: number
  picturesShown: number
  /** boxes drawn on the last picture */
  boxes: number
  /** seconds between the newest look and the picture on show; negative when the look is of a later picture */
  lookAge: number | null
  /** whether the service has tied the feed's RTP clock to the stream's time */
  tied: boolean
  reconnects: number
  way: 'webrtc' | 'film'
  /** how the service serves it (`X-Live-Serving`) */
  serving: string | null
  codec: string | null
  size: [number, number] | null
}

declare global {
  interface Window {
    __tiles: Record<string, TileReport>
  }
}

const reporters = new Map<string, () => TileReport>()

export function registerTile(key: string, report: () => TileReport): () => void {
  reporters.set(key, report)
  return () => {
    if (reporters.get(key) === report) reporters.delete(key)
  }
}

export function exposeTiles(): void {
  Object.defineProperty(window, '__tiles', {
    configurable: true,
    get: () => Object.fromEntries([...reporters].map(([key, report]) => [key, report()])),
  })
}
