/**
 * The alarm for a new fire, two falling bells, and the ring of a call, two rising ones; made here, no sound file.
 *
 * Promises: silent until the browser has seen a gesture (it insists), and while muted; the mute is remembered.
 */
import { ref } from 'vue'

const KEY = 'vbrain.muted'

function readMuted(): boolean {
  try {
    return localStorage.getItem(KEY) === '1'
  } catch {
    return false
  }
}

export const muted = ref(readMuted())
export const blocked = ref(true)
let context: AudioContext | null = null

function unlock(): void {
  try {
    context ??= new AudioContext()
    void context.resume().then(() => {
      blocked.value = context?.state !== 'running'
    })
  } catch {
    blocked.value = true
  }
}

export function armAlarm(): void {
  for (const gesture of ['pointerdown', 'keydown'] as const) window.addEventListener(gesture, unlock, { once: true })
}

export function setMuted(next: boolean): void {
  muted.value = next
  try {
    localStorage.setItem(KEY, next ? '1' : '0')
  } catch {
    // a browser that keeps nothing
  }
}

export function ring(): void {
  if (muted.value || context === null || context.state !== 'running') return
  const start = context.currentTime + 0.02
  for (let stroke = 0; stroke < 3; stroke += 1) {
    bell(context, start + stroke * 0.62, 880)
    bell(context, start + stroke * 0.62 + 0.22, 659)
  }
}

const RING_MS = 2_600

/** A call rings, and a phone shakes, until the returned function is called. */
export function startRinging(): () => void {
  const once = () => {
    navigator.vibrate?.([260, 160, 260])
    if (muted.value || context === null || context.state !== 'running') return
    const start = context.currentTime + 0.02
    for (let stroke = 0; stroke < 2; stroke += 1) {
      bell(context, start + stroke * 0.5, 523)
      bell(context, start + stroke * 0.5 + 0.16, 784)
    }
  }
  once()
  const timer = window.setInterval(once, RING_MS)
  return () => {
    window.clearInterval(timer)
    navigator.vibrate?.(0)
  }
}

function bell(audio: AudioContext, at: number, hertz: number): void {
  for (const [partial, loudness] of [
    [1, 0.22],
    [2.01, 0.08],
    [3.2, 0.03],
  ] as const) {
    const tone = audio.createOscillator()
    const gain = audio.createGain()
    tone.frequency.value = hertz * partial
    gain.gain.setValueAtTime(0.0001, at)
    gain.gain.exponentialRampToValueAtTime(loudness, at + 0.012)
    gain.gain.exponentialRampToValueAtTime(0.0001, at + 0.55)
    tone.connect(gain).connect(audio.destination)
    tone.start(at)
    tone.stop(at + 0.6)
  }
}
