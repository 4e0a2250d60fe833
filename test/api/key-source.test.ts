import t from 'tap'
import { createKeySource } from '../../services/api/auth/key-source.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { makeKey, startIssuer } from './issuer.ts'

const unknown = { code: 'HEADGATE_UNKNOWN_KEY' }
const unavailable = { code: 'HEADGATE_KEYS_UNAVAILABLE' }

t.test('concurrent calls for a key cause one request, and the key is cached', async t => {
  const issuer = await startIssuer(t)
  const keys = createKeySource({ issuer: issuer.url, now: new FakeClock().now })
  const pems = await Promise.all(Array.from({ length: 20 }, () => keys.find('first')))
  t.match(pems[0], /^-----BEGIN PUBLIC KEY-----/)
  t.equal(new Set(pems).size, 1)
  t.equal(issuer.asked, 1)
})

t.test('keys come from the configured URL if the address in the tokens cannot be reached', async t => {
  const issuer = await startIssuer(t)
  const unreachable = 'http://127.0.0.1:1/pool'
  const jwksUrl = `${issuer.url}/.well-known/jwks.json`
  t.match(await createKeySource({ issuer: unreachable, jwksUrl }).find('first'), /^-----BEGIN PUBLIC KEY-----/)
  await t.rejects(createKeySource({ issuer: unreachable }).find('first'), unavailable)
})

t.test('a new key of the issuer is found without a restart', async t => {
  const issuer = await startIssuer(t)
  const keys = createKeySource({ issuer: issuer.url, now: new FakeClock().now })
  await keys.find('first')
  issuer.keys.push(makeKey('second'))
  t.match(await keys.find('second'), /BEGIN PUBLIC KEY/)
})

t.test('one fetch serves calls for different keys', async t => {
  const issuer = await startIssuer(t)
  issuer.keys.push(makeKey('second'))
  const keys = createKeySource({ issuer: issuer.url, now: new FakeClock().now })
  const [junk, first, second] = await Promise.allSettled(['junk', 'first', 'second'].map(keys.find))
  t.match(junk, { status: 'rejected', reason: unknown })
  t.match(first, { status: 'fulfilled' })
  t.match(second, { status: 'fulfilled' })
  t.equal(issuer.asked, 1)
})

t.test('many unknown key ids cause one request per pause, and a known key stays usable', async t => {
  const issuer = await startIssuer(t)
  const clock = new FakeClock()
  const keys = createKeySource({ issuer: issuer.url, now: clock.now, pauseMs: 100, missMs: 5_000 })
  await keys.find('first')
  const flood = Array.from({ length: 200 }, (_, index) => keys.find(`unknown-${index}`))
  for (const each of flood) await t.rejects(each, unknown)
  t.equal(issuer.asked, 2)
  t.ok(await keys.find('first'))
  await t.rejects(keys.find('unknown-0'), unknown)
  t.equal(issuer.asked, 2, 'the miss is remembered')
  clock.advance(5_000)
  await t.rejects(keys.find('unknown-0'), unknown)
  await t.rejects(keys.find('unknown-0'), unknown)
  t.equal(issuer.asked, 3)
})

t.test('a new key is found with the next fetch after an unknown key id', async t => {
  const issuer = await startIssuer(t)
  const keys = createKeySource({ issuer: issuer.url, pauseMs: 100 })
  await t.rejects(keys.find('unknown'), unknown)
  issuer.keys.push(makeKey('second'))
  t.ok(await keys.find('second'))
  t.equal(issuer.asked, 2)
})

t.test('a key is not rejected by a fetch that started before the call', async t => {
  const issuer = await startIssuer(t)
  const keys = createKeySource({ issuer: issuer.url, pauseMs: 100 })
  const junk = t.rejects(keys.find('junk'), unknown)
  while (issuer.asked === 0) await new Promise(resolve => setImmediate(resolve))
  // The response to the first fetch is in flight, without this key.
  const second = keys.find('second')
  issuer.keys.push(makeKey('second'))
  await junk
  t.ok(await second)
})

t.test(
  'calls beyond the maximum of waiting calls are rejected as unavailable, and cached keys stay usable',
  async t => {
    const issuer = await startIssuer(t)
    const clock = new FakeClock()
    const keys = createKeySource({ issuer: issuer.url, now: clock.now, pauseMs: 100, maxWaiting: 10, freshMs: 60_000 })
    const first = await keys.find('first')
    const flood = await Promise.allSettled(Array.from({ length: 30 }, (_, index) => keys.find(`unknown-${index}`)))
    const codes = flood.map(each => (each.status === 'rejected' ? each.reason.code : ''))
    t.equal(codes.filter(code => code === unknown.code).length, 10)
    t.equal(codes.filter(code => code === unavailable.code).length, 20)
    clock.advance(60_000)
    const waiting = Array.from({ length: 10 }, (_, index) => keys.find(`later-${index}`))
    t.equal(await keys.find('first'), first, 'the cached key is used meanwhile')
    for (const each of waiting) await t.rejects(each, unknown)
  },
)

t.test('an endless response is read up to a maximum size, and a slow one up to a timeout', async t => {
  const issuer = await startIssuer(t)
  issuer.mood = 'flooding'
  const keys = createKeySource({ issuer: issuer.url, timeoutMs: 2_000, pauseMs: 1 })
  await t.rejects(keys.find('first'), { ...unavailable, cause: { code: 'HEADGATE_INVALID_KEY_SET' } })
  const { flooded } = issuer
  t.ok(flooded < 16 * 1024 ** 2, `${flooded} bytes were written`)
  issuer.mood = 'trickling'
  const slow = createKeySource({ issuer: issuer.url, timeoutMs: 100 })
  await t.rejects(slow.find('first'), { ...unavailable, cause: { name: 'TimeoutError' } })
})

t.test('redirects are followed only within the origin of the issuer', async t => {
  const [issuer, other] = [await startIssuer(t), await startIssuer(t)]
  issuer.elsewhere = `${other.url}/.well-known/jwks.json`
  issuer.mood = 'redirecting'
  await t.rejects(createKeySource({ issuer: issuer.url }).find('first'), unavailable)
  t.equal(other.asked, 0)
  issuer.elsewhere = `${issuer.url}/.well-known/jwks.json`
  await t.rejects(
    createKeySource({ issuer: issuer.url }).find('first'),
    unavailable,
    'a circular redirect is not followed',
  )
  issuer.mood = 'redirecting-within'
  t.ok(await createKeySource({ issuer: issuer.url }).find('first'))
})

for (const mood of ['failing', 'empty', 'gibberish'] as const) {
  t.test(`an issuer that is ${mood} is distinguished from one that has no such key`, async t => {
    const issuer = await startIssuer(t)
    issuer.mood = mood
    const clock = new FakeClock()
    const keys = createKeySource({ issuer: issuer.url, now: clock.now, pauseMs: 5_000 })
    await t.rejects(keys.find('first'), unavailable)
    await t.rejects(keys.find('first'), unavailable)
    t.equal(issuer.asked, 1, 'no second request during the pause')
    issuer.mood = 'well'
    clock.advance(5_000)
    t.ok(await keys.find('first'), 'a request after the pause')
  })
}

t.test('a request to a hanging issuer times out, and the next one succeeds after the issuer recovered', async t => {
  const issuer = await startIssuer(t)
  issuer.mood = 'hanging'
  const clock = new FakeClock()
  const keys = createKeySource({ issuer: issuer.url, now: clock.now, timeoutMs: 50, pauseMs: 5_000 })
  await t.rejects(keys.find('first'), unavailable)
  issuer.mood = 'well'
  clock.advance(5_000)
  t.ok(await keys.find('first'))
})

t.test('the last good key survives an outage of any length', async t => {
  const issuer = await startIssuer(t)
  const clock = new FakeClock()
  const keys = createKeySource({ issuer: issuer.url, now: clock.now, timeoutMs: 50, freshMs: 60_000 })
  const good = await keys.find('first')
  for (const mood of ['failing', 'hanging', 'gibberish'] as const) {
    issuer.mood = mood
    clock.advance(24 * 3_600_000)
    t.equal(await keys.find('first'), good, mood)
  }
  await t.rejects(keys.find('never-seen'), unavailable)
})

t.test('a withdrawn key is rejected after the next fetch', async t => {
  const issuer = await startIssuer(t)
  const clock = new FakeClock()
  const keys = createKeySource({ issuer: issuer.url, now: clock.now, freshMs: 60_000 })
  await keys.find('first')
  issuer.keys = [makeKey('second')]
  t.ok(await keys.find('first'), 'the cached key set is still fresh')
  clock.advance(60_000)
  await t.rejects(keys.find('first'), unknown)
})

t.test('a withdrawn key is rejected after the next fetch, even if the issuer responds in no time', async t => {
  const issuer = await startIssuer(t)
  const clock = new FakeClock()
  const keys = createKeySource({ issuer: issuer.url, now: clock.now, freshMs: 300_000 })
  // No time passes between the two fetches for any cache that uses this clock.
  t.intercept(performance, 'now', { value: () => 1 })
  await keys.find('first')
  issuer.keys = [makeKey('next')]
  clock.advance(300_001)
  await t.rejects(keys.find('first'), unknown)
})
