/** Which page is where, and that all but the login page need somebody logged in. */
import { createRouter, createWebHistory } from 'vue-router'
import { FIELD, homeOf, mayOpen } from './nav'
import { useSession } from './stores/session'

declare module 'vue-router' {
  interface RouteMeta {
    open?: boolean
    frame?: boolean
    /** Held outdoors: dark on light. */
    day?: boolean
  }
}

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/', redirect: { name: 'wall' } },
    {
      path: '/login',
      name: 'login',
      component: () => import('./pages/LoginPage.vue'),
      meta: { open: true, frame: false },
    },
    { path: '/wall', name: 'wall', component: () => import('./pages/WallPage.vue') },
    { path: '/incidents', name: 'incidents', component: () => import('./pages/IncidentsPage.vue') },
    { path: '/questions', name: 'questions', component: () => import('./pages/QuestionsPage.vue') },
    { path: '/figures', name: 'figures', component: () => import('./pages/FiguresPage.vue') },
    { path: '/credit', name: 'credit', component: () => import('./pages/CreditPage.vue') },
    { path: '/notifications', name: 'notifications', component: () => import('./pages/NotificationsPage.vue') },
    { path: '/users', name: 'users', component: () => import('./pages/UsersPage.vue') },
    { path: '/account', name: 'account', component: () => import('./pages/AccountPage.vue') },
    { path: '/recordings', name: 'recordings', component: () => import('./pages/RecordingsPage.vue') },
    { path: '/footfall', name: 'footfall', component: () => import('./pages/FootfallPage.vue') },
    { path: '/cameras', name: 'cameras', component: () => import('./pages/CamerasPage.vue') },
    { path: '/screen', name: 'screen', component: () => import('./pages/ScreenPage.vue'), meta: { frame: false } },
    {
      path: '/duty/:id?',
      name: 'duty',
      component: () => import('./pages/DutyPage.vue'),
      props: true,
      meta: { frame: false, day: true },
    },
    {
      path: '/film/:id?',
      name: 'film',
      component: () => import('./pages/FilmPage.vue'),
      props: true,
      meta: { frame: false, day: true },
    },
    {
      path: '/report',
      name: 'report',
      component: () => import('./pages/ReportPage.vue'),
      meta: { open: true, frame: false, day: true },
    },
    {
      path: '/r/:code',
      name: 'progress',
      component: () => import('./pages/ProgressPage.vue'),
      props: true,
      meta: { open: true, frame: false, day: true },
    },
    {
      path: '/ask/:code?',
      name: 'ask',
      component: () => import('./pages/AskPage.vue'),
      props: true,
      meta: { open: true, frame: false, day: true },
    },
    {
      path: '/call',
      name: 'call',
      component: () => import('./pages/CallPage.vue'),
      meta: { open: true, frame: false, day: true },
    },
    // where a message leads: the call itself rings above whatever page it is
    {
      path: '/calls/:id',
      name: 'calls',
      component: () => import('./pages/NotFoundPage.vue'),
      beforeEnter: (to) => {
        const id = String(to.query.incident ?? '')
        const role = useSession().user?.role
        return { name: role && FIELD.includes(role) ? 'duty' : 'incident', params: { id }, replace: true }
      },
    },
    { path: '/camera/:id', name: 'camera', component: () => import('./pages/CameraPage.vue'), props: true },
    { path: '/incidents/:id', name: 'incident', component: () => import('./pages/IncidentPage.vue'), props: true },
    { path: '/:anything(.*)*', name: 'nowhere', component: () => import('./pages/NotFoundPage.vue') },
  ],
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
})

router.beforeEach(async (to) => {
  if (to.meta.open) return true
  try {
    const user = await useSession().discover()
    if (user) {
      const home = homeOf(user.role)
      const wanted = to.redirectedFrom?.path === '/' ? to.name === home : mayOpen(to.name, user.role)
      return wanted || { name: home, replace: true }
    }
  } catch {
    return true // the service is unreachable: the page itself says so
  }
  return { name: 'login', query: to.fullPath === '/' ? {} : { back: to.fullPath } }
})
