/** A file made in the page, given to the browser to keep. */

/** The browser may still read it for a moment after the click. */
const READ_BY_MS = 10_000

export function download(file: Blob, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(file)
  link.download = name
  link.click()
  window.setTimeout(() => URL.revokeObjectURL(link.href), READ_BY_MS)
}
