/** What a page shows of the call that it is in, as one value. Not here: how it comes about (`client.ts`). */
import type { Trouble } from './devices'
import type { LineState } from './line'
import type { RecorderTrouble } from './recorder'
import type { CallSeen, Farewell } from './words'

export interface PeerView {
  state: RTCPeerConnectionState
  stream: MediaStream | null
  share: MediaStream | null
}

export interface CallView {
  call: CallSeen
  me: string | null
  line: LineState
  peers: Record<string, PeerView>
  muted: boolean
  cameraOn: boolean
  cameras: number
  microphoneTrouble: Trouble | null
  cameraTrouble: Trouble | null
  sharing: { cameraId: string; stream: MediaStream | null } | null
  recorderTrouble: RecorderTrouble | null
  /** The last thing the service refused, a problem's word. */
  refused: string | null
  farewell: Farewell | null
}
