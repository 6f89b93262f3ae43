/**
 * This page's part in recording a call: whether it records now, and whom.
 *
 * Promises: it records while the service says that it is the one who does, and nothing while the line is down; only who
 * agreed is in it. Not here: how a recording is made (`recorder.ts`), asking people (`components/call/CallConsent.vue`).
 */
import { CallRecorder, type RecorderTrouble } from './recorder'
import type { CallView } from './view'
import { isPresent } from './words'

export class CallRecording {
  private recorder: CallRecorder | null = null

  constructor(
    private readonly view: () => CallView,
    private readonly ownStream: MediaStream,
    private readonly onTrouble: (trouble: RecorderTrouble | null) => void,
  ) {}

  /** Begins, goes on or ends, as the call now says. */
  follow(): void {
    const { call, me } = this.view()
    const { state, recorder } = call.recording
    const mine = recorder === me && me !== null
    if (mine && state === 'on' && this.recorder === null) {
      this.recorder = new CallRecorder(call.id, () => this.recorded(), this.onTrouble)
      void this.recorder.start()
    } else if (this.recorder !== null && (!mine || state === 'off')) {
      void this.recorder.stop()
      this.recorder = null
    }
    this.pause()
  }

  /** While the line is down we are not told who joins: nothing is recorded then. */
  pause(): void {
    const { call, line } = this.view()
    this.recorder?.setPaused(call.recording.state !== 'on' || line !== 'open')
  }

  stop(): void {
    void this.recorder?.stop()
    this.recorder = null
  }

  /** Whom a recording shows and lets be heard: those who have agreed, and nobody else. */
  private recorded() {
    const { call, me, peers, sharing } = this.view()
    const agreed = new Set(call.recording.agreed)
    return call.people
      .filter((p) => isPresent(p) && agreed.has(p.id))
      .flatMap((p) => {
        const own = p.id === me ? this.ownStream : (peers[p.id]?.stream ?? null)
        const shared = p.id === me ? (sharing?.stream ?? null) : (peers[p.id]?.share ?? null)
        const tiles = [{ id: p.id, name: p.name, stream: own, isDark: p.camera_off }]
        if (shared && p.share) tiles.push({ id: `${p.id}/share`, name: p.share.name.zh, stream: shared, isDark: false })
        return tiles
      })
  }
}
