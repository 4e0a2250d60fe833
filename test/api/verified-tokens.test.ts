import t from 'tap'
import { createVerifiedTokens } from '../../services/api/auth/verified-tokens.ts'
import { FakeClock } from '../support/fake-clock.ts'

const verified = (exp: number) => ({ claims: { sub: 'user-1', exp }, kid: 'first', key: 'PEM' })

t.test('a token is remembered until it expires, and for no longer than the maximum', async t => {
  const clock = new FakeClock({ startMs: 1_000_000 })
  const tokens = createVerifiedTokens({ max: 10, ttlMs: 60_000, now: clock.now })
  tokens.add('short', verified(1_030))
  tokens.add('long', verified(9_999))
  t.strictSame(tokens.get('short')?.claims, verified(1_030).claims)
  clock.advance(30_000)
  t.equal(tokens.get('short'), undefined, 'at the very second of its exp')
  t.ok(tokens.get('long'))
  clock.advance(30_000)
  t.equal(tokens.get('long'), undefined)
  t.equal(tokens.get('never'), undefined)
})

t.test('a token without an expiry is not remembered', async t => {
  const tokens = createVerifiedTokens({ max: 10, ttlMs: 60_000 })
  tokens.add('token', { claims: { exp: 'later' }, kid: 'first', key: 'PEM' })
  t.equal(tokens.get('token'), undefined)
})

t.test('the least recently used token is dropped first, and looking up other tokens drops none', async t => {
  const tokens = createVerifiedTokens({ max: 2, ttlMs: 60_000, now: new FakeClock().now })
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
