/* Shows what the service sends while no page is open, once for each id, and opens what it is about when it is tapped. */
self.addEventListener('push', (event) => {
  let said = {}
  try {
    said = event.data.json()
  } catch {
    return
  }
  const title = typeof said.title === 'string' && said.title ? said.title : 'Village brain'
  event.waitUntil(
    self.registration.showNotification(title, {
      body: said.body,
      tag: said.id,
      icon: '/favicon.svg',
      // a call is answered or not: it does not go away by itself, and shakes the phone
      ...(said.event === 'call' ? { requireInteraction: true, vibrate: [260, 160, 260, 160, 260] } : {}),
      data: { link: typeof said.link === 'string' && said.link.startsWith('/') ? said.link : '/' },
    }),
  )
})

self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  const link = new URL(event.notification.data.link, self.location.origin).href
  event.waitUntil(
    self.clients.matchAll({ type: 'window' }).then((pages) => {
      const open = pages.find((page) => page.url.startsWith(self.location.origin))
      return open ? open.focus().then((page) => page.navigate(link)) : self.clients.openWindow(link)
    }),
  )
})
