/**
 * Where one can go from the header: one table, read by the header and by the router.
 *
 * Promises: an entry is shown to the roles that its page is for, in the order of the table. Not here: the routes themselves
 * (`router.ts`), rights (the service holds them; this only spares people doors that are shut).
 */
import type { RouteRecordNameGeneric } from 'vue-router'
import type { User } from './api/client'
import type { PATHS } from './components/Icon.vue'

export type Role = User['role']

export interface NavEntry {
  /** The route's name. */
  route: string
  icon: keyof typeof PATHS
  /** The key of its words. */
  label: string
  /** In the bar itself while there is room, or always behind "Menu". */
  place: 'bar' | 'menu'
  roles: readonly Role[]
  /** Which figure stands beside it. */
  count?: 'incidents' | 'questions'
}

export const WATCHERS: readonly Role[] = ['administrator', 'operator', 'grid_worker', 'enforcement_officer', 'viewer']
export const STAFF: readonly Role[] = [...WATCHERS, 'planner']

/** Who may look back at what was recorded. */
export const LOOKING_BACK: readonly Role[] = ['administrator', 'operator', 'enforcement_officer']

export const FIELD: readonly Role[] = ['grid_worker', 'enforcement_officer']
export const DESK: readonly Role[] = ['administrator', 'operator']

/** Who may answer visitors' questions. */
export const ANSWERING: readonly Role[] = ['administrator', 'operator', 'grid_worker']

/** Who may ask for footfall. */
export const PLANNING: readonly Role[] = ['administrator', 'operator', 'planner']

export const NAV: readonly NavEntry[] = [
  { route: 'duty', icon: 'duty', label: 'nav.duty', place: 'bar', roles: FIELD },
  { route: 'wall', icon: 'wall', label: 'nav.wall', place: 'bar', roles: WATCHERS },
  { route: 'incidents', icon: 'alert', label: 'nav.incidents', place: 'bar', roles: WATCHERS, count: 'incidents' },
  { route: 'questions', icon: 'inbox', label: 'nav.questions', place: 'bar', roles: ANSWERING, count: 'questions' },
  { route: 'recordings', icon: 'film', label: 'nav.recordings', place: 'bar', roles: LOOKING_BACK },
  { route: 'footfall', icon: 'chart', label: 'nav.footfall', place: 'bar', roles: PLANNING },
  { route: 'cameras', icon: 'camera', label: 'nav.cameras', place: 'bar', roles: STAFF },
  { route: 'screen', icon: 'screen', label: 'nav.screen', place: 'bar', roles: STAFF },
  { route: 'figures', icon: 'clock', label: 'figures.title', place: 'menu', roles: DESK },
  { route: 'credit', icon: 'coin', label: 'nav.credit', place: 'menu', roles: [...DESK, ...FIELD] },
  { route: 'film', icon: 'mobile', label: 'nav.film', place: 'menu', roles: [...DESK, ...FIELD] },
  { route: 'notifications', icon: 'send', label: 'nav.notify', place: 'menu', roles: DESK },
  { route: 'users', icon: 'group', label: 'nav.users', place: 'menu', roles: ['administrator'] },
]

export function navFor(role: Role, place?: NavEntry['place']): NavEntry[] {
  return NAV.filter((entry) => (place === undefined || entry.place === place) && entry.roles.includes(role))
}

/** Whether somebody of that role finds something behind the route; routes that are not in the table are for everybody. */
export function mayOpen(route: RouteRecordNameGeneric, role: Role): boolean {
  const entry = NAV.find((e) => e.route === route)
  return entry === undefined || entry.roles.includes(role)
}

/** Where somebody of that role begins. */
export function homeOf(role: Role): string {
  return NAV.find((entry) => entry.roles.includes(role))?.route ?? 'report'
}
