/**
 * The keys of playback while its page is open. What each does is the page's to say; `KeysHelp.vue` tells people.
 *
 * Promises: who types, chooses from a list or goes about with Tab keeps the keys for that.
 */
import { onBeforeUnmount, onMounted } from 'vue'

const SKIP_S = 10
const FAR_SKIP_S = 60

/** By key, in lower case; each is told how many seconds a skip is: more with Shift. */
export type Acts = Readonly<Record<string, (skipSeconds: number) => unknown>>

export function useKeys(acts: Acts): void {
  function press(event: KeyboardEvent): void {
    const target = event.target as HTMLElement
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if (target.closest('input, textarea, select, [role=combobox], [role=listbox], .n-date-panel')) return
    // a button that was clicked keeps the focus; the space bar is still for playing
    if (event.key === ' ' && target.matches('button:focus-visible, a:focus-visible')) return
    const act = acts[event.key.toLowerCase()]
    if (!act) return
    event.preventDefault()
    void act(event.shiftKey ? FAR_SKIP_S : SKIP_S)
  }
  onMounted(() => window.addEventListener('keydown', press))
  onBeforeUnmount(() => window.removeEventListener('keydown', press))
}
