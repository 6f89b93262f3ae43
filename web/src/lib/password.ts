/** Passwords: what is too short, and one made up that can be read out loud. */
export const LEAST = 8

/** Without letters and digits that look alike, in groups: 59 bits and easy to say. */
export function makeUpPassword(
  random: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array = (b) => crypto.getRandomValues(b),
): string {
  const letters = 'abcdefghjkmnpqrstuvwxyz23456789'
  const picked: string[] = []
  while (picked.length < 12) {
    for (const byte of random(new Uint8Array(16))) {
      // the last bytes would make some letters likelier than others
      if (byte < 256 - (256 % letters.length) && picked.length < 12) picked.push(letters[byte % letters.length]!)
    }
  }
  return [0, 4, 8].map((at) => picked.slice(at, at + 4).join('')).join('-')
}
