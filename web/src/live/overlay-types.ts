/** What a shard says it saw, as it comes over the overlay socket. Times are epoch seconds on the server's clock. */
export type Box = readonly [left: number, top: number, right: number, bottom: number]

export interface OverlayBox {
  box: Box
  object_class: string
  confidence: number
  track_id?: number | null
}

export interface OverlayMessage {
  camera_id: string
  stream_time: number
  captured_at: number
  boxes: OverlayBox[]
  /** line id → [in, out] since the shard started */
  counts?: Record<string, [number, number]>
  /** zone id → people in it now */
  occupancy?: Record<string, number>
}

export function isOverlay(value: unknown): value is OverlayMessage {
  if (typeof value !== 'object' || value === null) return false
  const v = value as Partial<OverlayMessage>
  return typeof v.camera_id === 'string' && typeof v.captured_at === 'number' && Array.isArray(v.boxes)
}
