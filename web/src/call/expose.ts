/** What the page's call does now, on `window.__call` for tests and for whoever opens the console of a browser. */
import type { CallClient } from './client'

declare global {
  interface Window {
    __call: { report: () => Promise<Record<string, unknown>>; breakLine: () => void } | null
  }
}

export function exposeCall(client: CallClient | null): void {
  window.__call = client && { report: () => client.report(), breakLine: () => client.breakLine() }
}
