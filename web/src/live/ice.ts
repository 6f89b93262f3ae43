/**
 * STUN and TURN servers, which a connection must know before it makes its offer.
 *
 * Promises: asked of the service once in ten minutes for the whole page; a service that does not say in time is as one
 * that has none, and is asked again the next time. Not here: connections (`whep.ts`).
 */
const KEPT_MS = 600_000
const ANSWER_MS = 2_000

let known: { servers: RTCIceServer[]; until: number } | null = null
let asking: Promise<RTCIceServer[]> | null = null

export async function iceServers(cameraId: string, fetcher: typeof fetch = fetch): Promise<RTCIceServer[]> {
  if (known !== null && Date.now() < known.until) return known.servers
  asking ??= ask(cameraId, fetcher).finally(() => (asking = null))
  return asking
}

async function ask(cameraId: string, fetcher: typeof fetch): Promise<RTCIceServer[]> {
  const servers = await serversAt(`/api/whep/${encodeURIComponent(cameraId)}`, fetcher)
  if (servers !== null) known = { servers, until: Date.now() + KEPT_MS }
  return servers ?? []
}

/** The servers that an endpoint of WHEP or WHIP tells of; null when it does not say in time. */
export async function serversAt(url: string, fetcher: typeof fetch): Promise<RTCIceServer[] | null> {
  const abort = new AbortController()
  const timer = setTimeout(() => abort.abort(), ANSWER_MS)
  try {
    const response = await fetcher(url, { method: 'OPTIONS', credentials: 'same-origin', signal: abort.signal })
    return response.ok ? serversIn(response.headers.get('Link') ?? '') : null
  } catch {
    return null
  } finally {
    clearTimeout(timer)
  }
}

/** Another person may be logged in now, whose servers these are not. */
export function forgetIceServers(): void {
  known = null
}

/** The servers in `Link` headers (RFC 8288) with `rel="ice-server"` (RFC 9725, 4.6), joined by commas or not. */
export function serversIn(links: string): RTCIceServer[] {
  const servers: RTCIceServer[] = []
  for (const link of links.matchAll(/<([^>]*)>((?:\s*;\s*[\w-]+\s*=\s*(?:"(?:\\.|[^"\\])*"|[^\s;,"]+))*)/g)) {
    const said = new Map<string, string>()
    for (const part of link[2]!.matchAll(/([\w-]+)\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^\s;,"]+))/g)) {
      said.set(part[1]!.toLowerCase(), part[2]?.replace(/\\(.)/g, '$1') ?? part[3]!)
    }
    if (said.get('rel') !== 'ice-server' || !/^(stun|turns?):/.test(link[1]!)) continue
    const server: RTCIceServer = { urls: link[1]! }
    if (said.has('username')) server.username = said.get('username')
    if (said.has('credential')) server.credential = said.get('credential')
    servers.push(server)
  }
  return servers
}
