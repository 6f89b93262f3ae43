/**
 * By what the service knows a page in a call: anew with each load, and the same for a tab.
 *
 * Promises: what cannot be guessed; a tab without storage has an id, too. Not here: saying it (`line.ts`).
 */

export function randomId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('')
}

let fallbackDevice: string | null = null

/** Stays with the tab over reloads, so that a household's link lets the same person in again. */
export function deviceId(): string {
  const KEY = 'vbrain.call.device'
  try {
    const known = sessionStorage.getItem(KEY) ?? randomId()
    sessionStorage.setItem(KEY, known)
    return known
  } catch {
    return (fallbackDevice ??= randomId())
  }
}
