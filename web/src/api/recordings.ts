/** What the pages of recordings and of devices ask of the service. Promises: as `client.ts`. */
import { http, take, type Schemas } from './client'

export type RecordingItem = Schemas['RecordingItem']
export type RecordingTimeline = Schemas['RecordingTimeline']
export type RecordingMark = Schemas['RecordingMark']
export type RecordedDay = Schemas['RecordedDay']
export type Filming = Schemas['Filming']
export type ClipReceipt = Schemas['ClipReceipt']
export type Storage = Schemas['Storage']
export type CameraStorage = Schemas['CameraStorage']

/** The service gives at most so many files at a time. */
const AT_ONCE = 5000

export const recordings = {
  timeline: (camera_id: string, from: string, to: string, signal?: AbortSignal) =>
    take<RecordingTimeline>(
      http.GET('/api/recordings', { params: { query: { camera_id, from, to, limit: AT_ONCE } }, signal }),
    ),
  marks: (camera_id: string, from: string, to: string, signal?: AbortSignal) =>
    take<RecordingMark[]>(http.GET('/api/recordings/marks', { params: { query: { camera_id, from, to } }, signal })),
  days: (camera_id: string, from: string, to: string) =>
    take<RecordedDay[]>(http.GET('/api/recordings/days', { params: { query: { camera_id, from, to } } })),
  filmed: (camera_id: string, from: string, to: string) =>
    take<Filming[]>(http.GET('/api/recordings/filmed', { params: { query: { camera_id, from, to } } })),
  storage: () => take<Storage>(http.GET('/api/recordings/storage')),
  prepareClip: (camera_id: string, from: string, to: string) =>
    take<ClipReceipt>(http.GET('/api/recordings/clip', { params: { query: { camera_id, from, to } } })),
}
