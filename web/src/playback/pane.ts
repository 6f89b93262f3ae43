/**
 * One camera's player: two video elements that take turns, so that the next file is ready when one ends.
 *
 * Promises: `now` is the moment of the picture that is shown; a seek shows the old picture until the new one is there; what
 * was asked last wins. Not here: when to go on (`deck.ts`), which files there are (`line.ts`).
 */
import { pieceAfter, pieceAt, type Piece } from './line'

/** ready: a picture of the wished moment. gap: there is none. refused: the browser does not play it. */
export type PaneState = 'empty' | 'loading' | 'ready' | 'gap' | 'refused'

interface Slot {
  video: HTMLVideoElement
  piece: Piece | null
}

/** Loading the next file begins so many seconds of watching before the end of this one. */
const AHEAD_S = 12

export class Pane {
  pieces: readonly Piece[] = []
  state: PaneState = 'empty'
  /** Seconds between two pictures, as seen; a guess before. */
  frameSeconds = 0.1
  /** Why there is no picture, when refused. */
  trouble: 'codec' | 'file' | null = null
  private front: Slot
  private back: Slot
  private wish = 0
  /** A seek to another file is under way. */
  private busy = false
  private readonly ends: (() => void)[] = []
  private lastFrame: { media: number; piece: string } | null = null

  constructor(
    a: HTMLVideoElement,
    b: HTMLVideoElement,
    private readonly changed: () => void,
  ) {
    this.front = { video: a, piece: null }
    this.back = { video: b, piece: null }
    for (const video of [a, b]) {
      video.muted = true
      video.playsInline = true
      video.preload = 'auto'
      this.watchFrames(video)
    }
    this.show()
  }

  get video(): HTMLVideoElement {
    return this.front.video
  }

  get piece(): Piece | null {
    return this.state === 'ready' || this.state === 'loading' ? this.front.piece : null
  }

  /** The moment of the picture that is shown, or null. */
  get now(): number | null {
    if (this.state !== 'ready' || !this.front.piece) return null
    return this.front.piece.start + this.front.video.currentTime * 1000
  }

  /** Whether the file is at its end. */
  get ended(): boolean {
    const { video, piece } = this.front
    if (this.state !== 'ready' || !piece || this.busy) return false
    return video.ended || video.currentTime * 1000 >= piece.end - piece.start - 15
  }

  get isSeeking(): boolean {
    return this.busy || this.front.video.seeking
  }

  get waiting(): boolean {
    return (
      this.state === 'loading' ||
      (this.state === 'ready' && (this.front.video.seeking || this.front.video.readyState < 3))
    )
  }

  setPieces(pieces: readonly Piece[]): void {
    this.pieces = pieces
  }

  /** Shows the picture of a moment; resolves when it is there, or when there is none. */
  async seek(at: number): Promise<void> {
    const mine = ++this.wish
    this.busy = false
    const piece = pieceAt(this.pieces, at)
    if (!piece) return this.become('gap')
    if (!piece.playable && !canPlay(piece.codec, this.front.video)) {
      this.trouble = 'codec'
      return this.become('refused')
    }
    const target = Math.max(0, (at - piece.start) / 1000)
    if (this.front.piece?.id === piece.id && this.front.video.readyState > 0) {
      this.front.video.currentTime = target
      this.become('ready')
      await settled(this.front.video)
      if (mine === this.wish) this.changed()
      return
    }
    this.state = this.state === 'ready' ? 'ready' : 'loading'
    if (this.state === 'ready') this.front.video.pause()
    this.busy = true
    this.changed()
    if (this.back.piece?.id !== piece.id) this.load(this.back, piece)
    const ok = await ready(this.back.video, target)
    if (mine !== this.wish) return
    this.busy = false
    if (!ok) {
      this.trouble = 'file'
      return this.become('refused')
    }
    this.swap()
    this.become('ready')
  }

  /** Goes on with the file that follows without a gap; false if none does. */
  follow(): boolean {
    const piece = this.front.piece
    const next = piece && pieceAfter(this.pieces, piece)
    if (!piece || !next || next.start - piece.end > 1500) return false
    const skip = Math.max(0, (piece.end - next.start) / 1000)
    if (this.back.piece?.id !== next.id || this.back.video.readyState < 2) {
      void this.seek(next.start + skip * 1000 + 1)
      return true
    }
    this.wish += 1
    this.busy = false
    if (skip > 0.05) this.back.video.currentTime = skip
    this.swap()
    this.become('ready')
    return true
  }

  /** Loads the file that comes next, when it will soon be needed. */
  prepare(rate: number): void {
    const { piece, video } = this.front
    if (this.state !== 'ready' || !piece) return
    if ((piece.end - piece.start) / 1000 - video.currentTime > AHEAD_S * Math.max(1, rate)) return
    const next = pieceAfter(this.pieces, piece)
    if (next && next.playable && this.back.piece?.id !== next.id) this.load(this.back, next)
  }

  play(rate: number): void {
    const { video } = this.front
    if (this.state !== 'ready' || this.busy) return
    if (video.playbackRate !== rate) video.playbackRate = rate
    if (video.paused && !video.ended) void video.play().catch(() => undefined)
  }

  pause(): void {
    this.front.video.pause()
    this.back.video.pause()
  }

  /** The picture that is shown, as JPEG. */
  async snapshot(): Promise<Blob | null> {
    const { video } = this.front
    if (this.state !== 'ready' || !video.videoWidth) return null
    const canvas = document.createElement('canvas')
    canvas.width = video.videoWidth
    canvas.height = video.videoHeight
    canvas.getContext('2d')!.drawImage(video, 0, 0)
    return new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', 0.95))
  }

  stop(): void {
    this.wish += 1
    for (const slot of [this.front, this.back]) {
      slot.video.pause()
      slot.video.removeAttribute('src')
      slot.video.load()
      slot.piece = null
    }
    for (const end of this.ends) end()
    this.state = 'empty'
  }

  private load(slot: Slot, piece: Piece): void {
    slot.piece = piece
    slot.video.src = piece.url
    slot.video.load()
  }

  private swap(): void {
    const old = this.front
    this.front = this.back
    this.back = old
    this.front.video.playbackRate = old.video.playbackRate // loading a file has put it back to 1
    old.video.pause()
    this.lastFrame = null
    this.show()
  }

  private show(): void {
    this.front.video.dataset.front = 'true'
    this.back.video.dataset.front = 'false'
  }

  private become(state: PaneState): void {
    this.state = state
    if (state !== 'ready') this.pause()
    if (state !== 'refused') this.trouble = null
    this.changed()
  }

  /** Learns how long a picture lasts from those that are shown. */
  private watchFrames(video: HTMLVideoElement): void {
    if (!('requestVideoFrameCallback' in video)) return
    let handle = 0
    const seen = (_: number, frame: VideoFrameCallbackMetadata) => {
      handle = video.requestVideoFrameCallback(seen)
      if (video !== this.front.video || !this.front.piece) return
      const last = this.lastFrame
      this.lastFrame = { media: frame.mediaTime, piece: this.front.piece.id }
      if (!last || last.piece !== this.front.piece.id || video.paused || video.playbackRate > 1) return
      const step = frame.mediaTime - last.media
      if (step > 0.012 && step < 0.6) this.frameSeconds += (step - this.frameSeconds) * 0.3
    }
    handle = video.requestVideoFrameCallback(seen)
    this.ends.push(() => video.cancelVideoFrameCallback(handle))
  }
}

const MIME: Record<string, string> = {
  hevc: 'video/mp4; codecs="hvc1.1.6.L120.90"',
  h264: 'video/mp4; codecs="avc1.64001f"',
}

function canPlay(codec: string, video: HTMLVideoElement): boolean {
  const mime = MIME[codec]
  return mime !== undefined && video.canPlayType(mime) !== ''
}

/** Resolves when a seek is over; soon anyway. */
function settled(video: HTMLVideoElement): Promise<void> {
  if (!video.seeking) return Promise.resolve()
  return new Promise((resolve) => {
    const timer = window.setTimeout(done, 8000)
    function done(): void {
      window.clearTimeout(timer)
      video.removeEventListener('seeked', done)
      resolve()
    }
    video.addEventListener('seeked', done)
  })
}

/** Whether a file that is being loaded shows the picture at `seconds`. */
function ready(video: HTMLVideoElement, seconds: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = window.setTimeout(() => end(false), 20_000)
    function end(ok: boolean): void {
      window.clearTimeout(timer)
      video.removeEventListener('loadedmetadata', begin)
      video.removeEventListener('seeked', good)
      video.removeEventListener('loadeddata', good)
      video.removeEventListener('error', bad)
      resolve(ok)
    }
    function bad(): void {
      end(false)
    }
    function good(): void {
      if (video.readyState >= 2 && !video.seeking) end(true)
    }
    function begin(): void {
      const last = Number.isFinite(video.duration) ? Math.max(0, video.duration - 0.05) : seconds
      if (Math.abs(video.currentTime - Math.min(seconds, last)) > 0.01) video.currentTime = Math.min(seconds, last)
      good()
    }
    video.addEventListener('error', bad)
    video.addEventListener('seeked', good)
    video.addEventListener('loadeddata', good)
    if (video.error) return end(false)
    if (video.readyState >= 1) begin()
    else video.addEventListener('loadedmetadata', begin)
  })
}
