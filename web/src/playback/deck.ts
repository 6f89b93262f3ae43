/**
 * Several cameras that play the same moment: one leads, the others follow it closely.
 *
 * Promises: `at` is the moment that is shown; where no camera has a picture it goes on at the next; a camera that waits for
 * the network holds nobody up but itself, unless it leads. Not here: one camera's files (`pane.ts`), the page.
 */
import { ref, shallowRef } from 'vue'
import { lastFootage, nextFootage } from './line'
import type { Pane } from './pane'

export const RATES = [0.5, 1, 2, 4, 8] as const

/** Further off than this (seconds of recording, at normal speed) a follower jumps; less, it hurries or dawdles. */
const JUMP_S = 0.9
const CLOSE_S = 0.06
const JUMP_AGAIN_MS = 1500
/** A moment shown on the page need not change more often. */
const TELL_MS = 50

export class Deck {
  readonly at = ref(0)
  readonly playing = ref(false)
  readonly rate = ref<number>(1)
  readonly waiting = ref(false)
  /** Nothing more comes after this moment. */
  readonly over = ref(false)
  /** Grows when a pane shows something else: a gap, a picture, trouble. */
  readonly turn = shallowRef(0)
  private panes: (Pane | null)[] = []
  private frame: number | null = null
  private told = 0
  private readonly jumped = new WeakMap<Pane, number>()
  private seeking = 0

  /** The cameras in their order; the first that has a picture leads. */
  setPanes(panes: (Pane | null)[]): void {
    this.panes = panes
  }

  get live(): Pane[] {
    return this.panes.filter((p): p is Pane => p !== null)
  }

  get leader(): Pane | null {
    return this.live.find((p) => p.state === 'ready') ?? null
  }

  readonly changed = (): void => {
    this.turn.value += 1
  }

  async seek(at: number): Promise<void> {
    const mine = ++this.seeking
    this.at.value = at
    this.over.value = false
    this.waiting.value = true
    await Promise.all(this.live.map((p) => p.seek(at)))
    if (mine !== this.seeking) return
    this.waiting.value = false
    if (this.playing.value) this.run()
  }

  async play(): Promise<void> {
    if (this.playing.value) return
    this.playing.value = true
    if (!this.leader) await this.goOn()
    this.run()
  }

  pause(): void {
    this.playing.value = false
    if (this.frame !== null) cancelAnimationFrame(this.frame)
    this.frame = null
    for (const pane of this.live) pane.pause()
    const now = this.leader?.now
    if (now !== null && now !== undefined && !this.waiting.value) this.at.value = now
  }

  toggle(): void {
    if (this.playing.value) this.pause()
    else void this.play()
  }

  setRate(rate: number): void {
    this.rate.value = rate
    if (this.playing.value) for (const pane of this.live) pane.play(rate)
  }

  /** One picture of the leading camera on or back. */
  async step(direction: 1 | -1): Promise<void> {
    this.pause()
    const leader = this.leader
    const frame = (leader?.frameSeconds ?? 0.1) * 1000
    const wished = (leader?.now ?? this.at.value) + direction * frame
    const pieces = leader?.pieces ?? []
    const there = direction > 0 ? nextFootage(pieces, wished) : lastFootage(pieces, wished)
    await this.seek(there ?? wished)
  }

  stop(): void {
    this.pause()
    for (const pane of this.live) pane.stop()
    this.panes = []
  }

  private run(): void {
    if (this.frame !== null || !this.playing.value) return
    const beat = () => {
      this.frame = null
      if (!this.playing.value) return
      this.beat()
      if (this.playing.value) this.frame = requestAnimationFrame(beat)
    }
    this.frame = requestAnimationFrame(beat)
  }

  private beat(): void {
    if (this.waiting.value) return
    let leader = this.leader
    while (leader?.ended) {
      if (leader.follow()) break
      // its recording ends here; if another camera has a picture, that one leads
      const now: number = leader.now ?? this.at.value
      const end: number = Math.max(now, leader.piece?.end ?? now) + 1
      this.at.value = end
      void leader.seek(end)
      if (leader.state === 'ready') break
      leader = this.leader
    }
    if (!leader) {
      void this.goOn()
      return
    }
    const now = leader.now
    if (now === null) return
    leader.play(this.rate.value)
    leader.prepare(this.rate.value)
    for (const pane of this.live) if (pane !== leader) this.lead(pane, now)
    if (performance.now() - this.told > TELL_MS) {
      this.told = performance.now()
      this.at.value = now
    }
  }

  /** Brings a follower to the moment. */
  private lead(pane: Pane, now: number): void {
    const rate = this.rate.value
    if (pane.state === 'gap' || pane.state === 'empty') {
      if (nextFootage(pane.pieces, now) === now) this.jump(pane, now)
      return
    }
    if (pane.state !== 'ready' || pane.isSeeking) return
    if (pane.ended) {
      if (!pane.follow()) void pane.seek(now + 1)
      return
    }
    const ahead = ((pane.now ?? now) - now) / 1000
    if (Math.abs(ahead) > JUMP_S * Math.max(1, rate)) this.jump(pane, now)
    else if (ahead > CLOSE_S * 4 * Math.max(1, rate)) pane.pause()
    else if (Math.abs(ahead) > CLOSE_S * Math.max(1, rate)) pane.play(rate * (ahead > 0 ? 0.85 : 1.15))
    else pane.play(rate)
    pane.prepare(rate)
  }

  private jump(pane: Pane, now: number): void {
    const last = this.jumped.get(pane) ?? 0
    if (performance.now() - last < JUMP_AGAIN_MS) return
    this.jumped.set(pane, performance.now())
    void pane.seek(now)
  }

  /** Where no camera has a picture: to the next moment of which one has, or the end. */
  private async goOn(): Promise<void> {
    const next = this.live
      .filter((p) => p.state !== 'refused')
      .map((p) => nextFootage(p.pieces, this.at.value + 1))
      .filter((n): n is number => n !== null)
    if (next.length === 0) {
      this.pause()
      this.over.value = true
      return
    }
    await this.seek(Math.min(...next))
  }
}
