/**
 * Whether this browser takes messages for whoever is logged in (web push), and switching it.
 *
 * Promises: asks for permission only when somebody presses. Not here: what is sent (the service), showing it
 * (`public/push-worker.js`).
 */
import { ref } from 'vue'
import { desk } from '@/api/desk'

export type PushState = 'unknown' | 'none' | 'denied' | 'off' | 'on'

export const pushState = ref<PushState>('unknown')

const able = () => 'serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window

export async function lookAtPush(): Promise<void> {
  if (!able() || !window.isSecureContext) {
    pushState.value = 'none'
    return
  }
  if (Notification.permission === 'denied') {
    pushState.value = 'denied'
    return
  }
  try {
    const worker = await navigator.serviceWorker.getRegistration('/')
    pushState.value = (await worker?.pushManager.getSubscription()) ? 'on' : 'off'
  } catch {
    pushState.value = 'none'
  }
}

/** Raises what the service or the push service says. */
export async function switchPush(): Promise<void> {
  if (pushState.value === 'on') {
    const worker = await navigator.serviceWorker.getRegistration('/')
    const subscription = await worker?.pushManager.getSubscription()
    if (subscription) {
      await desk.unsubscribe(subscription.endpoint)
      await subscription.unsubscribe()
    }
  } else if (pushState.value === 'off') {
    if ((await Notification.requestPermission()) !== 'granted') {
      await lookAtPush()
      return
    }
    await navigator.serviceWorker.register('/push-worker.js')
    const worker = await navigator.serviceWorker.ready
    const { key } = await desk.pushKey()
    const subscription = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key })
    const { endpoint, keys } = subscription.toJSON()
    if (!endpoint || !keys?.p256dh || !keys.auth) throw new Error('the browser gave no address')
    await desk.subscribe({ endpoint, keys: { p256dh: keys.p256dh, auth: keys.auth } })
  }
  await lookAtPush()
}
