/**
 * The line of a page to the service while it is in a call.
 *
 * Promises: says hello first; comes back by itself after any fault, soon at first and then ever more rarely, until the
 * service says that there is nothing to come back to; what cannot be sent is said so, never kept. Not here: what the
 * messages mean (`client.ts`).
 */
import { backoffMs } from '@/live/backoff'
import type { Farewell } from './words'

export type LineState = 'connecting' | 'open' | 'lost' | 'closed'

export interface LineEvents {
  onState: (state: LineState) => void
  onMessage: (message: Record<string, unknown>) => void
  onFarewell: (why: Farewell) => void
}

export interface LineEnvironment {
  newSocket: (url: string) => WebSocket
  setTimeout: (run: () => void, ms: number) => number
  clearTimeout: (id: number) => void
  random: () => number
}

/** The service's close codes after which there is no coming back (`live/call_desk.py`, `routes/call_lines.py`). */
const FINAL: Record<number, Farewell> = {
  4000: 'over',
  4001: 'elsewhere',
  4002: 'removed',
  4003: 'logged_out',
  4004: 'not_asked',
  4005: 'full',
  4006: 'taken',
  4007: 'refused',
}
const MOST_MS = 5_000
/** A service that cannot be reached for so many tries has given our place away long since. */
const MOST_TRIES = 40

export class CallLine {
  private socket: WebSocket | null = null
  private timer: number | null = null
  private tries = 0
  private state: LineState = 'connecting'
  private readonly env: LineEnvironment

  constructor(
    private readonly url: string,
    private readonly hello: () => Record<string, unknown>,
    private readonly events: LineEvents,
    env: Partial<LineEnvironment> = {},
  ) {
    this.env = {
      newSocket: (u) => new WebSocket(u),
      setTimeout: (run, ms) => window.setTimeout(run, ms),
      clearTimeout: (id) => window.clearTimeout(id),
      random: Math.random,
      ...env,
    }
  }

  open(): void {
    if (this.state === 'closed') return
    const socket = this.env.newSocket(this.url)
    this.socket = socket
    socket.onopen = () => socket.send(JSON.stringify(this.hello()))
    socket.onmessage = (event) => {
      if (this.socket !== socket) return
      const message = parsed(event.data)
      if (message === null) return
      if (message.type === 'welcome') {
        this.tries = 0
        this.enter('open')
      }
      this.events.onMessage(message)
    }
    socket.onclose = (event) => {
      if (this.socket !== socket) return
      this.socket = null
      const farewell = FINAL[event.code]
      if (farewell || this.tries >= MOST_TRIES) {
        this.close()
        this.events.onFarewell(farewell ?? 'lost')
      } else {
        this.again()
      }
    }
  }

  /** False when the line is not up: the other side is told again when it is. */
  send(message: Record<string, unknown>): boolean {
    if (this.socket === null || this.socket.readyState !== 1) return false
    this.socket.send(JSON.stringify(message))
    return true
  }

  /** The network has changed: the old socket may look alive for long. */
  renew(): void {
    if (this.state === 'closed') return
    const old = this.socket
    this.socket = null
    old?.close()
    this.tries = 0
    this.again()
  }

  close(): void {
    if (this.state === 'closed') return
    if (this.timer !== null) this.env.clearTimeout(this.timer)
    const socket = this.socket
    this.socket = null
    socket?.close()
    this.enter('closed')
  }

  private again(): void {
    this.enter('lost')
    if (this.timer !== null) this.env.clearTimeout(this.timer)
    const wait = this.tries === 0 ? 100 : backoffMs(this.tries - 1, this.env.random, 400, MOST_MS)
    this.tries += 1
    this.timer = this.env.setTimeout(() => {
      this.timer = null
      this.open()
    }, wait)
  }

  private enter(state: LineState): void {
    this.state = state
    this.events.onState(state)
  }
}

function parsed(data: unknown): Record<string, unknown> | null {
  try {
    const value: unknown = typeof data === 'string' ? JSON.parse(data) : null
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}

export function socketUrl(path: string): string {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${path}`
}
