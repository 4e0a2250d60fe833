import t from 'tap'
import { HandlerTimeoutError } from '../../../services/consumer/errors.ts'
import { type Call, CallLimit } from '../../../services/consumer/processing/call-limit.ts'
import { FakeClock } from '../../support/fake-clock.ts'

function limitOf(timeoutMs: number) {
  const clock = new FakeClock()
  const lost = new AbortController()
  const limit = new CallLimit({ timeoutMs, clock, signal: lost.signal })
  return { clock, lost, limit }
}

/** Records the outcome of a promise without waiting for it. */
function follow(promise: Promise<void>) {
  const followed: { outcome?: 'resolved' | 'rejected'; error?: unknown } = {}
  promise.then(
    () => Object.assign(followed, { outcome: 'resolved' }),
    error => Object.assign(followed, { outcome: 'rejected', error }),
  )
  return followed
}

const forever = () => new Promise<void>(() => undefined)

t.test('the outcome of a call within the timeout is passed on', async t => {
  const { limit } = limitOf(1_000)
  await limit.run(async () => undefined)
  await t.rejects(
    limit.run(async () => Promise.reject(new Error('its own'))),
    { message: 'its own' },
  )
  await t.rejects(
    limit.run(() => {
      throw new Error('before its first await')
    }),
    { message: 'before its first await' },
  )
})

t.test('a call that ignores its signal fails a grace period after the timeout', async t => {
  const { limit, clock } = limitOf(10_000)
  let signal: AbortSignal | undefined
  const call = follow(
    limit.run(call => {
      signal = call.signal
      return forever()
    }),
  )
  await clock.pass(9_999)
  t.notOk(signal?.aborted)
  await clock.pass(1)
  t.ok(signal?.aborted)
  t.ok(signal?.reason instanceof HandlerTimeoutError)
  t.equal(call.outcome, undefined, 'it has a grace to come to an end')
  await clock.pass(4_999)
  t.equal(call.outcome, undefined)
  await clock.pass(1)
  t.equal(call.outcome, 'rejected')
  t.match(call.error, { code: 'CONSUMER_HANDLER_TIMEOUT', message: /within 10000 ms/ })
})

t.test('an abandoned call is no longer watched, and later calls are', async t => {
  const { limit, clock } = limitOf(1_000)
  const first = follow(limit.run(forever))
  await clock.pass(2_000)
  t.equal(first.outcome, 'rejected')
  const second = follow(limit.run(forever))
  await clock.pass(2_000)
  t.equal(second.outcome, 'rejected')
})

t.test('a call that ends within the grace period has its own outcome', async t => {
  const { limit, clock } = limitOf(1_000)
  const [fine, wrong] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const calls = [follow(limit.run(() => fine.promise)), follow(limit.run(() => wrong.promise))]
  await clock.pass(1_500)
  fine.resolve()
  wrong.reject(new Error('aborted'))
  await clock.pass(0)
  t.same(calls[0], { outcome: 'resolved' })
  t.equal(calls[1]?.outcome, 'rejected')
  t.match(calls[1]?.error, { code: 'CONSUMER_HANDLER_TIMEOUT', cause: { message: 'aborted' } })
})

t.test('each of many calls has its own timeout', async t => {
  const { limit, clock } = limitOf(1_000)
  const aborted: number[] = []
  const failed: number[] = []
  for (let i = 0; i < 5; i++) {
    const work = ({ signal }: Call) => {
      signal.addEventListener('abort', () => aborted.push(i))
      return i === 2 ? Promise.resolve() : forever()
    }
    limit.run(work).catch(() => failed.push(i))
    await clock.pass(300)
  }
  t.same(aborted, [0, 1], 'at 1,500 ms')
  await clock.pass(600)
  t.same(aborted, [0, 1, 3])
  t.same(failed, [0])
  await clock.pass(2_000)
  t.same(aborted, [0, 1, 3, 4])
  t.same(failed, [0, 1, 3, 4])
})

t.test('the signal of every call fires with the reason of the shard, whenever it is first read', async t => {
  const { limit, lost } = limitOf(1_000)
  const calls: Call[] = []
  for (let i = 0; i < 2; i++) {
    void limit.run(call => {
      calls.push(call)
      return forever()
    })
  }
  const [early, late] = calls
  const asked = early?.signal
  lost.abort('gone')
  t.equal(asked?.reason, 'gone')
  t.equal(late?.signal.reason, 'gone')
})

t.test('a late rejection of an abandoned call affects no other call', async t => {
  const { limit, clock } = limitOf(1_000)
  const work = Promise.withResolvers<void>()
  const call = follow(limit.run(() => work.promise))
  await clock.pass(2_000)
  t.equal(call.outcome, 'rejected')
  work.reject(new Error('late')) // Would end the process as an unhandled rejection.
  await clock.pass(0)
  t.match(call.error, { code: 'CONSUMER_HANDLER_TIMEOUT', cause: undefined })
})
