/**
 * The phone's own camera, where it is, and its screen kept awake.
 *
 * Promises: every fault is one word (`film.fault.*` says what to do); whatever was taken is given back. Not here: sending
 * (`live/whip.ts`).
 */
export type Fault = 'insecure' | 'unable' | 'denied' | 'none' | 'busy'
export type Facing = 'environment' | 'user'

export class FilmFault extends Error {
  constructor(readonly fault: Fault) {
    super(fault)
  }
}

/** Whether this page can film at all; null when it can. */
export function cannotFilm(): Fault | null {
  if (!window.isSecureContext) return 'insecure'
  return 'mediaDevices' in navigator && 'RTCPeerConnection' in window ? null : 'unable'
}

/** The camera that looks away from whoever holds the phone, or at them. Rejects with a FilmFault. */
export async function openCamera(facing: Facing): Promise<MediaStream> {
  const fault = cannotFilm()
  if (fault !== null) throw new FilmFault(fault)
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: false,
      video: {
        facingMode: { ideal: facing },
        width: { ideal: 1280 },
        height: { ideal: 720 },
        frameRate: { ideal: 15, max: 30 },
      },
    })
  } catch (error) {
    throw new FilmFault(faultOf(error))
  }
}

export function faultOf(error: unknown): Fault {
  const name = error instanceof Error ? error.name : ''
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied'
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return 'none'
  return name === 'NotReadableError' || name === 'AbortError' ? 'busy' : 'unable'
}

export async function hasTwoCameras(): Promise<boolean> {
  const devices = await navigator.mediaDevices.enumerateDevices().catch(() => [])
  return devices.filter((device) => device.kind === 'videoinput').length > 1
}

/** Keeps the screen on until it is let go; where the browser cannot, nothing happens. */
export class StayAwake {
  private lock: WakeLockSentinel | null = null
  private wanted = false
  private readonly again = () => {
    if (this.wanted && document.visibilityState === 'visible') void this.take()
  }

  async hold(): Promise<void> {
    if (this.wanted) return
    this.wanted = true
    document.addEventListener('visibilitychange', this.again)
    await this.take()
  }

  letGo(): void {
    this.wanted = false
    document.removeEventListener('visibilitychange', this.again)
    void this.lock?.release().catch(() => undefined)
    this.lock = null
  }

  private async take(): Promise<void> {
    const lock = await navigator.wakeLock?.request('screen').catch(() => null)
    if (this.wanted) this.lock = lock ?? null
    else void lock?.release().catch(() => undefined)
  }
}

/** Tells where the phone is, now and when it has moved; gives the function that ends it. */
export function follow(tell: (where: { latitude: number; longitude: number; accuracy: number }) => void): () => void {
  if (!('geolocation' in navigator)) return () => undefined
  let toldAt = -Infinity
  const id = navigator.geolocation.watchPosition(
    ({ coords }) => {
      if (Date.now() - toldAt < 5_000) return
      toldAt = Date.now()
      tell({ latitude: coords.latitude, longitude: coords.longitude, accuracy: coords.accuracy })
    },
    () => undefined,
    { enableHighAccuracy: true, maximumAge: 10_000 },
  )
  return () => navigator.geolocation.clearWatch(id)
}
