/**
 * Which boxes belong on a picture captured at a given moment.
 *
 * Looks come a few times a second and a little after their picture was shown. Between two looks a tracked box is
 * interpolated; just past the newest it is carried on at its last speed; then it stays, ages and fades. A box that the
 * next look did not confirm is gone at that look. Pure; the clock is an argument.
 */
import { momentOf, type Timeline } from './clock'
import type { Box, OverlayBox, OverlayMessage } from './overlay-types'

export interface DrawnBox extends OverlayBox {
  /** 1 fresh … 0 gone. */
  alpha: number
}

const KEEP_SECONDS = 6
const KEEP_LOOKS = 64
const CARRY_SECONDS = 0.4
const FRESH_SECONDS = 0.9
const GONE_SECONDS = 2.4

export class LookHistory {
  private looks: OverlayMessage[] = []

  constructor(private readonly timeline: Timeline = 'captured_at') {}

  add(look: OverlayMessage): void {
    const newest = this.looks[this.looks.length - 1]
    if (newest && this.time(look) < this.time(newest) - KEEP_SECONDS) this.looks = [] // the stream began again
    let at = this.looks.length
    while (at > 0 && this.time(this.looks[at - 1]!) > this.time(look)) at -= 1
    if (at > 0 && this.time(this.looks[at - 1]!) === this.time(look)) {
      this.looks[at - 1] = look
      return
    }
    this.looks.splice(at, 0, look)
    const end = this.time(this.looks[this.looks.length - 1]!)
    while (this.looks.length > KEEP_LOOKS || this.time(this.looks[0]!) < end - KEEP_SECONDS) this.looks.shift()
  }

  private time(look: OverlayMessage): number {
    return momentOf(look, this.timeline)
  }

  get newest(): OverlayMessage | null {
    return this.looks[this.looks.length - 1] ?? null
  }

  get size(): number {
    return this.looks.length
  }

  clear(): void {
    this.looks = []
  }

  /** The boxes for a picture of that `moment`, on this history's timeline. */
  boxesAt(moment: number): DrawnBox[] {
    let after = this.looks.length
    while (after > 0 && this.time(this.looks[after - 1]!) > moment) after -= 1
    const earlier = this.looks[after - 1]
    const later = this.looks[after]
    if (!earlier) return []
    const age = moment - this.time(earlier)
    const alpha = fade(age)
    if (alpha <= 0) return []
    if (later && this.time(later) - this.time(earlier) <= GONE_SECONDS) {
      const part = age / (this.time(later) - this.time(earlier))
      return earlier.boxes.map((box) => {
        const next = sameTrack(later, box)
        return { ...box, box: next ? mix(box.box, next.box, part) : box.box, alpha: next ? 1 : alpha }
      })
    }
    const before = this.looks[after - 2]
    const gap = before ? this.time(earlier) - this.time(before) : 0
    return earlier.boxes.map((box) => {
      const last = before && gap > 0 && gap <= 1.5 ? sameTrack(before, box) : undefined
      const carried = last ? mix(last.box, box.box, 1 + Math.min(age, CARRY_SECONDS) / gap) : box.box
      return { ...box, box: carried, alpha }
    })
  }
}

function fade(age: number): number {
  if (age <= FRESH_SECONDS) return 1
  return Math.max(0, 1 - (age - FRESH_SECONDS) / (GONE_SECONDS - FRESH_SECONDS))
}

function sameTrack(look: OverlayMessage, box: OverlayBox): OverlayBox | undefined {
  if (box.track_id == null) return undefined
  return look.boxes.find((b) => b.track_id === box.track_id && b.object_class === box.object_class)
}

function mix(a: Box, b: Box, part: number): Box {
  return [0, 1, 2, 3].map((i) => a[i]! + (b[i]! - a[i]!) * part) as unknown as Box
}
