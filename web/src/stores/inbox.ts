/**
 * Questions that wait for an answer, for whoever may answer: the page of questions and the figure beside its link read it.
 *
 * Promises: read every few seconds while somebody who may answer is logged in and looks; a failure leaves what was known.
 */
import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import { desk, type QuestionSeen } from '@/api/desk'
import { troubleOf } from '@/lib/reading'

const EVERY_MS = 10_000

export const useInbox = defineStore('inbox', () => {
  const waiting = shallowRef<QuestionSeen[]>([])
  const loaded = ref(false)
  const failure = ref<string | null>(null)
  let timer: number | null = null
  let asked = 0

  const late = computed(() => waiting.value.filter((q) => q.overdue).length)

  async function read(): Promise<void> {
    const mine = ++asked
    try {
      const found = await desk.questions('waiting', 200)
      if (mine !== asked) return
      waiting.value = found
      loaded.value = true
      failure.value = null
    } catch (error) {
      if (mine === asked) failure.value = troubleOf(error)
    }
  }

  function start(): void {
    if (timer !== null) return
    void read()
    timer = window.setInterval(() => document.visibilityState === 'visible' && void read(), EVERY_MS)
  }

  function stop(): void {
    if (timer !== null) window.clearInterval(timer)
    timer = null
    asked += 1
    waiting.value = []
    loaded.value = false
  }

  return { waiting, loaded, failure, late, read, start, stop }
})
