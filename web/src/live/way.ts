/**
 * Which way live pictures come to this page: WebRTC, or films over HTTP where that cannot get through, and in browsers
 * that play H.264 everywhere but there (Firefox before it has fetched OpenH264).
 *
 * Promises: what one tile found out holds for all of them, for the page's life.
 */
import { canPlayFilms } from './film'

let blocked = false

/** WebRTC found no way; from now on films, where the browser can play them. */
export function noteBlocked(): void {
  blocked = true
}

export function way(): 'webrtc' | 'film' {
  return (blocked || !takesH264()) && canPlayFilms() ? 'film' : 'webrtc'
}

/** A browser that does not say what it takes is believed to take it. */
function takesH264(): boolean {
  if (!('RTCPeerConnection' in globalThis)) return false
  const codecs = globalThis.RTCRtpReceiver?.getCapabilities?.('video')?.codecs
  return codecs === undefined || codecs.some((codec) => codec.mimeType.toLowerCase() === 'video/h264')
}

/** For tests. */
export function forgetBlocked(): void {
  blocked = false
}
