/**
 * Which moment of the camera's stream is on show.
 *
 * Promises: pure arithmetic. The service ties one RTP timestamp of a feed to the stream's time and to the moment of
 * capture (`MediaClock`); RTP runs on the camera's clock, so from that tie every later picture's moment follows exactly.
 * Until there is a tie, looks are shown as they arrive. Not here: drawing (`draw.ts`), which boxes fit (`track-boxes.ts`).
 */
import type { OverlayMessage } from './overlay-types'

export interface MediaTie {
  rtp_timestamp: number
  stream_time: number
  captured_at: number
}

const RTP_RATE = 90_000
/** A picture further than this from the tie's stream began again on another clock: the tie no longer holds. */
const FURTHEST_JUMP_SECONDS = 20

export class PictureClock {
  private tie: MediaTie | null = null
  private lastRtp: number | null = null
  private ticksSinceTie = 0

  setTie(tie: MediaTie): void {
    this.tie = tie
    this.ticksSinceTie = this.lastRtp === null ? 0 : (this.lastRtp - tie.rtp_timestamp) | 0
    if (this.lastRtp === null) this.lastRtp = tie.rtp_timestamp
  }

  get tied(): boolean {
    return this.tie !== null
  }

  reset(): void {
    this.tie = null
    this.lastRtp = null
    this.ticksSinceTie = 0
  }

  /** Notes a picture on show by its 32-bit RTP timestamp; gives its stream time and moment of capture, or null. */
  at(rtp: number): { streamTime: number; capturedAt: number } | null {
    if (this.tie === null) {
      this.lastRtp = rtp
      return null
    }
    const step = (rtp - (this.lastRtp ?? rtp)) | 0
    this.lastRtp = rtp
    if (Math.abs(step) > FURTHEST_JUMP_SECONDS * RTP_RATE) {
      this.tie = null
      return null
    }
    this.ticksSinceTie += step
    const seconds = this.ticksSinceTie / RTP_RATE
    return { streamTime: this.tie.stream_time + seconds, capturedAt: this.tie.captured_at + seconds }
  }
}

/** Stands in for the picture's moment where there is no tie (snapshots, a feed's first second): now, as looks arrive. */
export class ArrivalClock {
  private newest: { moment: number; arrived: number } | null = null

  hear(moment: number, arrived: number): void {
    if (this.newest === null || moment >= this.newest.moment || moment < this.newest.moment - 60) {
      this.newest = { moment, arrived }
    }
  }

  /** The moment to draw for at local second `now`: that of the newest look, plus what has passed since it came. */
  at(now: number): number | null {
    return this.newest === null ? null : this.newest.moment + Math.max(0, now - this.newest.arrived)
  }

  reset(): void {
    this.newest = null
  }
}

/** On which clock pictures and looks of a feed are compared: the analysed stream's own, or for another stream, capture. */
export type Timeline = 'stream_time' | 'captured_at'

export function momentOf(look: OverlayMessage, timeline: Timeline): number {
  return look[timeline]
}
