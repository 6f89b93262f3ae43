/**
 * What this browser keeps for somebody without a login: who it is (a random id), and the codes of what was sent.
 *
 * Promises: never throws, also where a browser keeps nothing. Not here: anything of the service.
 */
export interface Sent {
  code: string
  at: string
  words: string
}

const MOST = 20

function read(key: string): string | null {
  try {
    return localStorage.getItem(key)
  } catch {
    return null
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value)
  } catch {
    // a browser that keeps nothing
  }
}

/** A random id of this browser, so that its reports are known to be of one person; nothing about the phone itself. */
export function deviceId(): string {
  const known = read('vbrain.device')
  if (known && /^[0-9a-f]{32}$/.test(known)) return known
  const made = [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('')
  write('vbrain.device', made)
  return made
}

export function sent(kind: 'reports' | 'questions'): Sent[] {
  try {
    const found: unknown = JSON.parse(read(`vbrain.${kind}`) ?? '[]')
    if (!Array.isArray(found)) return []
    return found.filter((s): s is Sent => typeof s?.code === 'string' && typeof s?.at === 'string')
  } catch {
    return []
  }
}

export function remember(kind: 'reports' | 'questions', one: Sent): void {
  const others = sent(kind).filter((s) => s.code !== one.code)
  write(`vbrain.${kind}`, JSON.stringify([one, ...others].slice(0, MOST)))
}

/** A random key for something that must happen once however often its button is pressed. */
export function onceKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((b) => b.toString(16).padStart(2, '0')).join('')
}
