import { describe, expect, it } from 'vitest'
import { ArrivalClock, PictureClock } from '@/live/clock'
import { contain } from '@/live/draw'
import type { OverlayMessage } from '@/live/overlay-types'
import { LookHistory } from '@/live/track-boxes'

const look = (at: number, ...left: [track: number | null, left: number][]): OverlayMessage => ({
  camera_id: 'gate',
  stream_time: at,
  captured_at: 1000 + at,
  boxes: left.map(([track_id, x]) => ({
    box: [x, 0.2, x + 0.1, 0.6],
    object_class: track_id === null ? 'fire' : 'person',
    confidence: 0.8,
    track_id,
  })),
})
const filled = (...looks: OverlayMessage[]) => {
  const history = new LookHistory('stream_time')
  looks.forEach((l) => history.add(l))
  return history
}
const lefts = (history: LookHistory, at: number) => history.boxesAt(at).map((b) => Number(b.box[0].toFixed(3)))

describe('the picture clock', () => {
  const tie = { rtp_timestamp: 900_000, stream_time: 50, captured_at: 2000 }

  it('is silent until the service ties it', () => {
    expect(new PictureClock().at(900_000)).toBeNull()
  })

  it('follows RTP in units of 90 kHz, whether the tie came before or after the picture', () => {
    const before = new PictureClock()
    before.setTie(tie)
    expect(before.at(900_000 + 9_000)).toEqual({ streamTime: 50.1, capturedAt: 2000.1 })
    const after = new PictureClock()
    after.at(900_000 + 45_000)
    after.setTie(tie)
    expect(after.at(900_000 + 54_000)!.streamTime).toBeCloseTo(50.6, 6)
  })

  it('runs on over the wrap of the 32-bit timestamp', () => {
    const clock = new PictureClock()
    const start = 2 ** 32 - 45_000
    clock.setTie({ rtp_timestamp: start, stream_time: 10, captured_at: 0 })
    expect(clock.at(start + 30_000)!.streamTime).toBeCloseTo(10 + 1 / 3, 6)
    expect(clock.at(45_000)!.streamTime).toBeCloseTo(11, 6)
    expect(clock.at(135_000)!.streamTime).toBeCloseTo(12, 6)
  })

  it('does not lose its way over hours, far beyond half the range of the timestamp', () => {
    const clock = new PictureClock()
    clock.setTie({ rtp_timestamp: 0, stream_time: 0, captured_at: 0 })
    let last = 0
    for (let s = 10; s <= 30 * 3600; s += 10) last = clock.at((s * 90_000) % 2 ** 32)!.streamTime
    expect(last).toBeCloseTo(30 * 3600, 3)
  })

  it('gives up the tie when the stream begins again elsewhere', () => {
    const clock = new PictureClock()
    clock.setTie(tie)
    clock.at(900_000)
    expect(clock.at(900_000 + 90_000 * 300)).toBeNull()
    expect(clock.tied).toBe(false)
  })
})

describe('the arrival clock', () => {
  it('runs from the newest look and is not moved back by a late one', () => {
    const clock = new ArrivalClock()
    expect(clock.at(5)).toBeNull()
    clock.hear(100, 10)
    clock.hear(99, 10.5)
    expect(clock.at(11)).toBe(101)
  })

  it('starts over with a stream that starts over', () => {
    const clock = new ArrivalClock()
    clock.hear(5000, 10)
    clock.hear(2, 11)
    expect(clock.at(11.5)).toBe(2.5)
  })
})

describe('boxes for a picture', () => {
  it('lie between two looks where the picture does', () => {
    const history = filled(look(10, [1, 0.1]), look(10.4, [1, 0.3]))
    expect(lefts(history, 10)).toEqual([0.1])
    expect(lefts(history, 10.1)).toEqual([0.15])
    expect(lefts(history, 10.3)).toEqual([0.25])
  })

  it('are carried on a little past the newest look, then stay', () => {
    const history = filled(look(10, [1, 0.1]), look(10.4, [1, 0.3]))
    expect(lefts(history, 10.6)).toEqual([0.4])
    expect(lefts(history, 10.8)).toEqual([0.5])
    expect(lefts(history, 11.2)).toEqual([0.5])
  })

  it('are those of the picture, not the newest: a picture from before the first look has none', () => {
    const history = filled(look(10, [1, 0.1]), look(10.4, [2, 0.7]))
    expect(lefts(history, 9.9)).toEqual([])
    expect(history.boxesAt(10.2).map((b) => b.track_id)).toEqual([1])
    expect(history.boxesAt(10.4).map((b) => b.track_id)).toEqual([2])
  })

  it('never join two people, nor boxes without a track', () => {
    const history = filled(look(10, [1, 0.1], [null, 0.5]), look(10.4, [2, 0.3], [null, 0.9]))
    expect(lefts(history, 10.2)).toEqual([0.1, 0.5])
  })

  it('age, fade and go when no look follows', () => {
    const history = filled(look(10, [1, 0.1]))
    const alpha = (at: number) => history.boxesAt(at)[0]?.alpha ?? 0
    expect(alpha(10.5)).toBe(1)
    expect(alpha(11.5)).toBeGreaterThan(0.3)
    expect(alpha(11.5)).toBeLessThan(0.8)
    expect(alpha(12.5)).toBe(0)
  })

  it('are gone at once when the next look sees nothing', () => {
    expect(lefts(filled(look(10, [1, 0.1]), look(10.4)), 10.4)).toEqual([])
  })

  it('come right when looks arrive out of order or twice', () => {
    const history = filled(look(10.4, [1, 0.3]), look(10, [1, 0.1]), look(10.4, [1, 0.3]))
    expect(history.size).toBe(2)
    expect(lefts(history, 10.2)).toEqual([0.2])
  })

  it('do not pile up on a camera that never stops', () => {
    const history = new LookHistory('stream_time')
    for (let i = 0; i < 5000; i += 1) history.add(look(i * 0.05, [1, 0.1]))
    expect(history.size).toBeLessThanOrEqual(64)
  })

  it('begin again with a stream whose time begins again', () => {
    const history = filled(look(5000, [1, 0.1]), look(3, [1, 0.6]))
    expect(lefts(history, 3.1)).toEqual([0.6])
  })
})

describe('where the picture lies in its tile', () => {
  it.each([
    [160, 90, 640, 360, { x: 0, y: 0, width: 160, height: 90 }],
    [200, 90, 640, 360, { x: 20, y: 0, width: 160, height: 90 }],
    [160, 100, 640, 360, { x: 0, y: 5, width: 160, height: 90 }],
    [160, 90, 0, 0, { x: 0, y: 0, width: 160, height: 90 }],
  ])('%i×%i holds %i×%i', (width, height, pictureWidth, pictureHeight, wanted) => {
    expect(contain(width, height, pictureWidth, pictureHeight)).toEqual(wanted)
  })
})
