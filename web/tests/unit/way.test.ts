/** Which way live pictures come to a page. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { forgetBlocked, noteBlocked, way } from '@/live/way'

function browserThatTakes(codecs: string[] | null, films = true): void {
  vi.stubGlobal('RTCPeerConnection', class {})
  vi.stubGlobal('RTCRtpReceiver', {
    getCapabilities: () => (codecs === null ? null : { codecs: codecs.map((mimeType) => ({ mimeType })) }),
  })
  vi.stubGlobal('MediaSource', films ? class {} : undefined)
  if (!films) Reflect.deleteProperty(globalThis, 'MediaSource')
}

beforeEach(forgetBlocked)
afterEach(() => vi.unstubAllGlobals())

test('WebRTC where it takes H.264, and where the browser does not say', () => {
  browserThatTakes(['video/VP8', 'video/H264'])
  expect(way()).toBe('webrtc')
  browserThatTakes(null)
  expect(way()).toBe('webrtc')
})

test('films where it is blocked, or takes no H.264 as Firefox before it has fetched OpenH264', () => {
  browserThatTakes(['video/VP8', 'video/VP9', 'video/AV1'])
  expect(way()).toBe('film')
  browserThatTakes(['video/H264'])
  noteBlocked()
  expect(way()).toBe('film')
})

test('WebRTC is tried where there are no films either', () => {
  browserThatTakes(['video/VP8'], false)
  expect(way()).toBe('webrtc')
})
