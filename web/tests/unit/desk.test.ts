import { describe, expect, it } from 'vitest'
import type { QuestionSeen, Tier } from '@/api/desk'
import { anonymous, lookupOf, missing, signed, tierOf } from '@/lib/credit'
import { LEAST, makeUpPassword } from '@/lib/password'
import { cannedFor, clockOf, languageOf, share, tookOf } from '@/lib/question'
import { homeOf, mayOpen, navFor, type Role } from '@/nav'

const question = (change: Partial<QuestionSeen> = {}): QuestionSeen => ({
  id: 'q',
  text: 'Where can I park?',
  contact: null,
  source: 'web',
  asked_at: '2026-05-04T02:00:00Z',
  due_at: '2026-05-04T02:05:00Z',
  overdue: false,
  assignee: null,
  answer: null,
  answered_at: null,
  suggestion: null,
  ...change,
})

describe('the clock of a question', () => {
  const at = (iso: string) => clockOf(question(), Date.parse(iso))
  it('runs from asking to its target', () => {
    expect(at('2026-05-04T02:00:00Z')).toEqual({ left: 300, spent: 0 })
    expect(at('2026-05-04T02:02:30Z')).toEqual({ left: 150, spent: 0.5 })
  })
  it('goes below nothing, and its bar stays full', () => {
    expect(at('2026-05-04T02:06:00Z')).toEqual({ left: -60, spent: 1 })
  })
  it('is read as so many seconds once it was answered', () => {
    expect(tookOf(question())).toBeNull()
    expect(tookOf(question({ answered_at: '2026-05-04T02:01:05Z' }))).toBe(65)
  })
})

describe('answers', () => {
  const canned = ['parking', 'museum'].map((id) => ({ id, name: { zh: id, en: id }, text: { zh: id, en: id } }))
  it('are in the language of whoever asked', () => {
    expect(languageOf('Where can I park?')).toBe('en')
    expect(languageOf('\u505c\u8f66 parking')).toBe('zh')
  })
  it('show the suggested one first, and keep the order of the others', () => {
    expect(cannedFor(canned, question({ suggestion: 'museum' })).map((c) => c.id)).toEqual(['museum', 'parking'])
    expect(cannedFor(canned, question()).map((c) => c.id)).toEqual(['parking', 'museum'])
  })
  it('of nothing make no share', () => {
    expect(share(0, 0)).toBeNull()
    expect(share(2, 3)).toBe(67)
  })
})

describe('points', () => {
  const tiers: Tier[] = [
    { id: 'gold', name: { zh: 'g', en: 'Gold' }, from_points: 1000 },
    { id: 'bronze', name: { zh: 'b', en: 'Bronze' }, from_points: 0 },
    { id: 'silver', name: { zh: 's', en: 'Silver' }, from_points: 200 },
  ]
  it.each([
    [0, 'bronze', 'silver', 0],
    [199, 'bronze', 'silver', 0.995],
    [200, 'silver', 'gold', 0],
    [600, 'silver', 'gold', 0.5],
    [5000, 'gold', undefined, 1],
  ])('%i reach %s, on the way to %s', (earned, tier, next, way) => {
    const found = tierOf(tiers, earned)
    expect([found.tier?.id, found.next?.id, found.share]).toEqual([tier, next, way])
  })
  it('without tiers reach none', () => {
    expect(tierOf([], 10)).toEqual({ tier: null, next: null, share: 1 })
  })
  it('say how many are missing', () => {
    const soap = { id: 'soap', name: { zh: 's', en: 'Soap' }, points: 20, stock: 1 }
    expect(missing({ balance: 5 }, soap)).toBe(15)
    expect(missing({ balance: 25 }, soap)).toBe(0)
    expect(missing(null, soap)).toBe(20)
  })
  it('name a reporter by how they are known, never by more', () => {
    expect(anonymous({ account_id: 'reporter:12ab34cd', holder: 'phone' })).toEqual({ channel: 'phone', sign: '34CD' })
    expect(anonymous({ account_id: 'user:1', holder: 'Wang' })).toBeNull()
  })
  it('carry their sign', () => expect([signed(40), signed(-20)]).toEqual(['+40', '\u221220']))
  it.each([
    ['138 0000 0000', { phone: '138 0000 0000' }],
    ['+86-138-0000', { phone: '+86-138-0000' }],
    ['K7Q2-9FWX-3M', { code: 'K7Q2-9FWX-3M' }],
  ])('are looked up by number or code: %s', (text, wish) => expect(lookupOf(` ${text} `)).toEqual(wish))
})

describe('a password that is made up', () => {
  it('is long enough, easy to say, and never twice the same', () => {
    const made = new Set(Array.from({ length: 50 }, () => makeUpPassword()))
    expect(made.size).toBe(50)
    for (const one of made) {
      expect(one).toMatch(/^[a-hjkmnp-z2-9]{4}(-[a-hjkmnp-z2-9]{4}){2}$/)
      expect(one.length).toBeGreaterThanOrEqual(LEAST)
    }
  })
  it('leaves out bytes that would make some letters likelier', () => {
    let call = 0
    const bytes = () => new Uint8Array(16).fill(call++ === 0 ? 255 : 1)
    expect(makeUpPassword(bytes)).toBe('bbbb-bbbb-bbbb')
  })
})

describe('doors', () => {
  it.each<[Role, string[]]>([
    ['administrator', ['questions', 'credit', 'notifications', 'users']],
    ['operator', ['questions', 'credit', 'notifications']],
    ['grid_worker', ['questions', 'credit']],
    ['enforcement_officer', ['credit']],
    ['planner', []],
    ['viewer', []],
    ['citizen', []],
  ])('of %s', (role, open) => {
    const desk = ['questions', 'credit', 'notifications', 'users']
    expect(
      navFor(role)
        .map((e) => e.route)
        .filter((r) => desk.includes(r)),
    ).toEqual(open)
    for (const route of desk) expect(mayOpen(route, role), route).toBe(open.includes(route))
    expect(mayOpen('account', role)).toBe(true)
    expect(homeOf(role)).not.toBe('users')
  })
})
