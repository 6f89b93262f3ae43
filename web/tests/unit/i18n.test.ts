import { describe, expect, it } from 'vitest'
import { firstLanguage } from '@/i18n'
import { en } from '@/i18n/en'
import { zh } from '@/i18n/zh'
import schema from '../../openapi.json'

function leaves(tree: object, prefix = ''): Map<string, string> {
  const found = new Map<string, string>()
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === 'string') found.set(prefix + key, value)
    else for (const [k, v] of leaves(value as object, `${prefix}${key}.`)) found.set(k, v)
  }
  return found
}

const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort()
const chinese = leaves(zh)
const english = leaves(en)
const sources = import.meta.glob<string>('../../src/**/*.{vue,ts}', { query: '?raw', import: 'default', eager: true })

describe('both languages', () => {
  it('have the same keys, none empty', () => {
    expect([...english.keys()].sort()).toEqual([...chinese.keys()].sort())
    for (const text of [...chinese.values(), ...english.values()]) expect(text.trim()).not.toBe('')
  })

  it('take the same values', () => {
    for (const [key, text] of chinese) expect(placeholders(english.get(key)!), key).toEqual(placeholders(text))
  })

  it('hold every key that a page names', () => {
    for (const [file, source] of Object.entries(sources)) {
      for (const [, key] of source.matchAll(/\bt\('([\w.]+)'/g)) expect(chinese.has(key!), `${file}: ${key}`).toBe(true)
    }
  })

  it('leave no Chinese in a page itself: it all goes through the messages', () => {
    for (const [file, source] of Object.entries(sources)) {
      if (file.includes('/i18n/') || file.endsWith('SealStamp.vue')) continue
      const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '')
      expect(/[\u4e00-\u9fff]/.test(code), file).toBe(false)
    }
  })

  it.each([
    ['ShownState', 'state'],
    ['IncidentState', 'incidentState'],
    ['IncidentKind', 'kind'],
    ['Action', 'action'],
    ['Action', 'done'],
    ['ObjectClass', 'object'],
    ['Watch', 'watch'],
    ['Role', 'role'],
  ])('name every %s of the service under %s', (schemaName, branch) => {
    const schemas = schema.components.schemas as unknown as Record<string, { enum: string[] }>
    for (const value of schemas[schemaName]!.enum) expect(chinese.has(`${branch}.${value}`), value).toBe(true)
  })
})

describe('the first language', () => {
  it.each([
    ['en', ['zh-CN'], 'en'],
    [null, ['zh-TW', 'en'], 'zh'],
    [null, ['en-GB', 'zh'], 'en'],
    [null, ['fr', 'en'], 'en'],
    [null, ['fr'], 'zh'],
    ['nonsense', [], 'zh'],
  ] as const)('remembered %s, browser %j: %s', (remembered, browser, wanted) => {
    expect(firstLanguage(remembered, browser)).toBe(wanted)
  })
})
