/** Rules of the pages of points: tiers, what a purse can pay, how a holder is called. Pure. */
import type { Account, Reward, Standing, Tier } from '@/api/desk'

/** The tier so many points ever earned reach, the next one, and the share of the way to it, 0 to 1 (1: no higher one). */
export function tierOf(
  tiers: readonly Tier[],
  earned: number,
): { tier: Tier | null; next: Tier | null; share: number } {
  const rising = [...tiers].sort((a, b) => a.from_points - b.from_points)
  const tier = rising.findLast((one) => earned >= one.from_points) ?? null
  const next = rising.find((one) => one.from_points > earned) ?? null
  const from = tier?.from_points ?? 0
  return { tier, next, share: next ? (earned - from) / (next.from_points - from) : 1 }
}

/** Points that are missing for something; 0 when it can be paid. */
export function missing(account: Pick<Account, 'balance'> | null, reward: Reward): number {
  return Math.max(0, reward.points - (account?.balance ?? 0))
}

/** How a reporter without a login is known (phone, device, wechat), and a short sign that tells them apart; null: a user. */
export function anonymous(standing: Pick<Standing, 'account_id' | 'holder'>): { channel: string; sign: string } | null {
  if (!standing.account_id.startsWith('reporter:')) return null
  return { channel: standing.holder, sign: standing.account_id.slice(-4).toUpperCase() }
}

/** A villager is looked for by number or by code: digits and signs of a number only are a number. */
export function lookupOf(text: string): { phone: string } | { code: string } {
  const words = text.trim()
  return /^\+?[\d\s-]{6,}$/.test(words) ? { phone: words } : { code: words }
}

/** +40, −20: with a true minus. */
export function signed(amount: number): string {
  return amount < 0 ? `−${-amount}` : `+${amount}`
}
