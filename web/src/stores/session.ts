/** Who is logged in. */
import { defineStore } from 'pinia'
import { ref } from 'vue'
import { api, Problem, type User } from '@/api/client'
import { forgetIceServers } from '@/live/ice'

export const useSession = defineStore('session', () => {
  const user = ref<User | null>(null)
  const known = ref(false)
  const expired = ref(false)

  /** Asks the service once who is here; later calls answer at once. */
  async function discover(): Promise<User | null> {
    if (known.value) return user.value
    try {
      user.value = (await api.me()).user
      known.value = true
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 401) throw error
      user.value = null
      known.value = true
      expired.value = false
    }
    return user.value
  }

  async function logIn(username: string, password: string): Promise<void> {
    user.value = (await api.logIn(username, password)).user
    known.value = true
    expired.value = false
  }

  async function logOut(): Promise<void> {
    await api.logOut().catch(() => undefined)
    forgetIceServers()
    user.value = null
  }

  function lost(): void {
    if (user.value !== null) expired.value = true
    forgetIceServers()
    user.value = null
    known.value = true
  }

  return { user, known, expired, discover, logIn, logOut, lost }
})
