/**
 * Who speaks now: by the level of what comes from each other, and of one's own microphone.
 *
 * Promises: `who` is replaced when somebody begins or ends, and not otherwise; who cannot be measured in this browser is
 * not shown to speak. Not here: who is in the call (`client.ts`), how it is shown (`components/call/`).
 */
import { shallowRef } from 'vue'
import type { Devices } from './devices'

/** Somebody speaks from this level on (0…1), and is shown to for a moment after. */
const SPEAKS = 0.015
const LEVELS_MS = 200
const SPOKE_MS = 700

export class Speaking {
  /** By person. */
  readonly who = shallowRef<ReadonlySet<string>>(new Set())
  private timer: number | null = null
  private ear: { context: AudioContext; analyser: AnalyserNode; from: MediaStreamTrack } | null = null
  private spokeAt = new Map<string, number>()

  /** `me` is null until the service has said who this page is. */
  constructor(
    private readonly me: () => string | null,
    private readonly devices: Devices,
    private readonly others: () => [string, RTCRtpReceiver[]][],
  ) {}

  start(): void {
    this.timer = window.setInterval(() => this.measure(), LEVELS_MS)
  }

  stop(): void {
    void this.ear?.context.close()
    if (this.timer !== null) window.clearInterval(this.timer)
    this.who.value = new Set()
  }

  private measure(): void {
    const now = performance.now()
    for (const [id, receivers] of this.others()) {
      for (const receiver of receivers) {
        if (receiver.track.kind !== 'audio') continue
        const level = receiver.getSynchronizationSources?.()[0]?.audioLevel ?? 0
        if (level > SPEAKS) this.spokeAt.set(id, now)
      }
    }
    const me = this.me()
    if (me && this.ownLevel() > SPEAKS && !this.devices.muted) this.spokeAt.set(me, now)
    const speaking = new Set([...this.spokeAt].filter(([, at]) => now - at < SPOKE_MS).map(([id]) => id))
    const before = this.who.value
    if (speaking.size !== before.size || [...speaking].some((id) => !before.has(id))) this.who.value = speaking
  }

  private ownLevel(): number {
    const track = this.devices.microphone
    if (track === null) return 0
    try {
      if (this.ear?.from !== track) {
        void this.ear?.context.close()
        const context = new AudioContext()
        const analyser = context.createAnalyser()
        analyser.fftSize = 512
        context.createMediaStreamSource(new MediaStream([track])).connect(analyser)
        this.ear = { context, analyser, from: track }
      }
      const samples = new Float32Array(this.ear.analyser.fftSize)
      this.ear.analyser.getFloatTimeDomainData(samples)
      return Math.sqrt(samples.reduce((sum, s) => sum + s * s, 0) / samples.length)
    } catch {
      return 0 // a browser without Web Audio: one does not see oneself speak
    }
  }
}
