/**
 * Which way live pictures come to this page: WebRTC, or films over HTTP where that cannot get through.
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
  return (blocked || !('RTCPeerConnection' in globalThis)) && canPlayFilms() ? 'film' : 'webrtc'
}

/** For tests. */
export function forgetBlocked(): void {
  blocked = false
}
