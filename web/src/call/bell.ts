/**
 * The bell of an open page: the calls that concern whoever is logged in.
 *
 * Promises: comes back by itself; after a gap everything is told anew. Not here: the ringing (`lib/alarm.ts`), what is
 * done about it (`stores/calls.ts`).
 */
import { backoffMs } from '@/live/backoff'
import { socketUrl } from './line'
import type { CallSeen } from './words'

export class CallBell {
  private socket: WebSocket | null = null
  private timer: number | null = null
  private tries = 0
  private stopped = true

  constructor(private readonly onCalls: (calls: CallSeen[], isAll: boolean) => void) {}

  start(): void {
    if (!this.stopped) return
    this.stopped = false
    this.connect()
  }

  stop(): void {
    this.stopped = true
    if (this.timer !== null) window.clearTimeout(this.timer)
    this.timer = null
    const socket = this.socket
    this.socket = null
    socket?.close()
  }

  private connect(): void {
    const socket = new WebSocket(socketUrl('/api/calls/bell'))
    this.socket = socket
    socket.onmessage = (event) => {
      if (this.socket !== socket) return
      try {
        const { reset, calls } = JSON.parse(String(event.data)) as { reset: boolean; calls: CallSeen[] }
        this.tries = 0
        this.onCalls(calls, reset)
      } catch {
        // not of ours
      }
    }
    socket.onclose = () => {
      if (this.socket !== socket) return
      this.socket = null
      if (this.stopped) return
      this.timer = window.setTimeout(() => this.connect(), backoffMs(this.tries++))
    }
  }
}
