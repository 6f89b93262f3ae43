/**
 * Microphone and camera of this browser, for a call.
 *
 * Promises: whatever is missing or refused, the rest works, and why is a word that the page has a sentence for; a camera
 * that is off is let go, so that its light goes out. One stream for the whole call, whatever comes and goes in it. Not
 * here: who gets it (`client.ts`).
 */

/** insecure: no https; denied: the person or the system said no; none: there is none; busy: something else uses it. */
export type Trouble = 'insecure' | 'denied' | 'none' | 'busy'
export type Facing = 'user' | 'environment'

export interface DeviceEvents {
  onTrack: (kind: 'audio' | 'video', track: MediaStreamTrack | null) => void
  onChange: () => void
}

const AUDIO: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true }
const SIZE: MediaTrackConstraints = { width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 20, max: 24 } }

export function troubleOf(error: unknown): Trouble {
  const name = error instanceof DOMException || error instanceof Error ? error.name : ''
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied'
  if (name === 'NotReadableError' || name === 'AbortError') return 'busy'
  return 'none'
}

export class Devices {
  readonly stream = new MediaStream()
  microphone: MediaStreamTrack | null = null
  camera: MediaStreamTrack | null = null
  microphoneTrouble: Trouble | null = null
  cameraTrouble: Trouble | null = null
  facing: Facing = 'user'
  cameras = 0
  muted = false
  private gone = false

  constructor(
    private readonly events: DeviceEvents,
    private readonly media: MediaDevices | undefined = globalThis.navigator?.mediaDevices,
  ) {}

  /** Asks for the microphone, and for the camera if a picture is wanted. Never fails: see the troubles. */
  async start(withCamera: boolean): Promise<void> {
    if (!this.media?.getUserMedia) {
      this.microphoneTrouble = this.cameraTrouble = 'insecure'
      this.events.onChange()
      return
    }
    if (withCamera) {
      try {
        // both in one question, where the browser can
        this.take(await this.media.getUserMedia({ audio: AUDIO, video: { ...SIZE, facingMode: this.facing } }))
      } catch {
        await this.microphoneOnly()
        await this.setCamera(true)
      }
    } else {
      await this.microphoneOnly()
    }
    await this.count()
  }

  private async microphoneOnly(): Promise<void> {
    try {
      this.take(await this.media!.getUserMedia({ audio: AUDIO }))
    } catch (error) {
      this.microphoneTrouble = troubleOf(error)
      this.events.onChange()
    }
  }

  /** Asks once more for the microphone, after somebody has allowed it. */
  async retryMicrophone(): Promise<void> {
    if (this.media?.getUserMedia && this.microphone === null) await this.microphoneOnly()
  }

  setMuted(muted: boolean): void {
    this.muted = muted
    if (this.microphone) this.microphone.enabled = !muted
    this.events.onChange()
  }

  async setCamera(on: boolean): Promise<void> {
    if (!on) {
      this.put('video', null)
      return
    }
    if (!this.media?.getUserMedia) return
    try {
      this.take(await this.media.getUserMedia({ video: { ...SIZE, facingMode: this.facing } }))
    } catch (error) {
      this.cameraTrouble = troubleOf(error)
      this.events.onChange()
    }
    await this.count()
  }

  /** The other camera: of a phone the one on the other side, else the next one. */
  async switchCamera(): Promise<void> {
    if (!this.media?.getUserMedia) return
    const before = this.camera?.getSettings()
    this.facing = (before?.facingMode ?? this.facing) === 'environment' ? 'user' : 'environment'
    const devices = (await this.media.enumerateDevices()).filter((d) => d.kind === 'videoinput')
    const at = devices.findIndex((d) => d.deviceId === before?.deviceId)
    const next = devices[(at + 1) % Math.max(1, devices.length)]
    // phones name the side, computers have a list
    const which = before?.facingMode || !next ? { facingMode: this.facing } : { deviceId: { exact: next.deviceId } }
    this.put('video', null) // a phone opens one camera at a time
    try {
      this.take(await this.media.getUserMedia({ video: { ...SIZE, ...which } }))
    } catch {
      await this.setCamera(true)
    }
  }

  stop(): void {
    this.gone = true
    for (const track of this.stream.getTracks()) track.stop()
  }

  private take(found: MediaStream): void {
    const [microphone] = found.getAudioTracks()
    const [camera] = found.getVideoTracks()
    if (this.gone) {
      for (const track of found.getTracks()) track.stop()
      return
    }
    if (microphone) {
      microphone.enabled = !this.muted
      this.put('audio', microphone)
    }
    if (camera) this.put('video', camera)
  }

  private put(kind: 'audio' | 'video', track: MediaStreamTrack | null): void {
    const before = kind === 'audio' ? this.microphone : this.camera
    if (before) {
      this.stream.removeTrack(before)
      before.onended = null
      before.stop()
    }
    if (track) {
      this.stream.addTrack(track)
      // pulled out, or taken away by the system
      track.onended = () => {
        this.put(kind, null)
        if (kind === 'audio') this.microphoneTrouble = 'busy'
        else this.cameraTrouble = 'busy'
        this.events.onChange()
      }
    }
    if (kind === 'audio') {
      this.microphone = track
      if (track) this.microphoneTrouble = null
    } else {
      this.camera = track
      if (track) this.cameraTrouble = null
    }
    this.events.onTrack(kind, track)
    this.events.onChange()
  }

  private async count(): Promise<void> {
    const devices = (await this.media?.enumerateDevices().catch(() => [])) ?? []
    this.cameras = devices.filter((d) => d.kind === 'videoinput').length
    this.events.onChange()
  }
}
