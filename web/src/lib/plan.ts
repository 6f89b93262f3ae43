/** Places on the plan of the village and on the globe. The plan is a plain rectangle, north up, 0…1 from its top left. */
import type { Schemas } from '@/api/client'

export interface Spot {
  x: number
  y: number
}
export type Globe = Schemas['Globe']
export type GridArea = Schemas['GridArea']

/** Where on the plan a place on the globe is; null outside of it. */
export function onPlan(globe: Globe, latitude: number, longitude: number): Spot | null {
  const x = (longitude - globe.west) / (globe.east - globe.west)
  const y = (globe.north - latitude) / (globe.north - globe.south)
  return x >= 0 && x <= 1 && y >= 0 && y <= 1 ? { x, y } : null
}

export function onGlobe(globe: Globe, spot: Spot): { latitude: number; longitude: number } {
  return {
    latitude: globe.north - spot.y * (globe.north - globe.south),
    longitude: globe.west + spot.x * (globe.east - globe.west),
  }
}

export function metresBetween(globe: Globe, a: Spot, b: Spot): number {
  return Math.hypot((a.x - b.x) * globe.width_metres, (a.y - b.y) * globe.height_metres)
}

/** The first area that holds the spot. */
export function areaAt<A extends { polygon: readonly (readonly number[])[] }>(
  areas: readonly A[],
  spot: Spot,
): A | null {
  return areas.find((area) => holds(area.polygon, spot)) ?? null
}

function holds(polygon: readonly (readonly number[])[], { x, y }: Spot): boolean {
  let inside = false
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i, i += 1) {
    const [xi, yi] = polygon[i] as [number, number]
    const [xj, yj] = polygon[j] as [number, number]
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside
  }
  return inside
}

/** Where the phone is. Rejects when it does not say, or is not asked (a page that is not served over https). */
export function locate(timeoutMs = 15_000): Promise<GeolocationCoordinates> {
  return new Promise((resolve, reject) => {
    if (!('geolocation' in navigator)) {
      reject(new Error('no geolocation'))
      return
    }
    navigator.geolocation.getCurrentPosition((found) => resolve(found.coords), reject, {
      enableHighAccuracy: true,
      timeout: timeoutMs,
      maximumAge: 10_000,
    })
  })
}
