import t from 'tap'
import { createVerifiedTokens } from '../../services/api/auth/verified-tokens.ts'

const verified = (exp: number) => ({ claims: { sub: 'user-1', exp }, kid: 'first', key: 'PEM' })

t.test('a token is remembered until it expires, and for no longer than the maximum', async t => {
  let now = 1_000_000
  const tokens = createVerifiedTokens({ max: 10, ttlMs: 60_000, now: () => now })
  tokens.add('short', verified(1_030))
  tokens.add('long', verified(9_999))
  t.strictSame(tokens.get('short')?.claims, verified(1_030).claims)
  now = 1_030_000
  t.equal(tokens.get('short'), undefined, 'at the very second of its exp')
  t.ok(tokens.get('long'))
  now = 1_060_000
  t.equal(tokens.get('long'), undefined)
  t.equal(tokens.get('never'), undefined)
})

t.test('a token without an expiry is not remembered', async t => {
  const tokens = createVerifiedTokens({ max: 10, ttlMs: 60_000 })
  tokens.add('token', { claims: { exp: 'later' }, kid: 'first', key: 'PEM' })
  t.equal(tokens.get('token'), undefined)
})

t.test('the least recently used token is dropped first, and looking up other tokens drops none', async t => {
  const tokens = createVerifiedTokens({ max: 2, ttlMs: 60_000, now: () => 0 })
  tokens.add('a', verified(10))
  tokens.add('b', verified(10))
  for (let index = 0; index < 100; index++) t.equal(tokens.get(`forged-${index}`), undefined)
  t.ok(tokens.get('a'))
  tokens.add('c', verified(10))
  t.strictSame(
    ['a', 'b', 'c'].map(name => tokens.get(name) !== undefined),
    [true, false, true],
  )
  tokens.add('c', verified(10))
  t.ok(tokens.get('a'), 'one that is added again takes no second place')
})
