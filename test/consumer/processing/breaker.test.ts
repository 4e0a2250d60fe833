import t from 'tap'
import { type BreakerPolicy, CircuitBreaker, type Permit } from '../../../services/consumer/processing/breaker.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const policy: BreakerPolicy = { failures: 3, firstMs: 1_000, maxMs: 4_000 }
const never = new AbortController().signal

function breakerOf() {
  const clock = new FakeClock()
  const emitted: unknown[] = []
  const breaker = new CircuitBreaker({
    ...{ policy, clock, random: () => 1 },
    onOpened: event => emitted.push(event),
    onClosed: event => emitted.push(event),
  })
  const fail = () => breaker.settle(permitOf(breaker), 'dependency failure')
  return { clock, emitted, breaker, fail }
}

function permitOf(breaker: CircuitBreaker): Permit {
  if (breaker.permit === undefined) throw new Error('the breaker is not closed')
  return breaker.permit
}

/** Collects the permits of admitted calls. */
function waiters(breaker: CircuitBreaker, count: number, signal = never) {
  const admitted: Array<Permit | undefined> = []
  for (let i = 0; i < count; i++) void breaker.admit(signal).then(permit => admitted.push(permit))
  return admitted
}

t.test('failures in a row open the breaker, and a success resets the count', async t => {
  const { breaker, fail, emitted } = breakerOf()
  fail()
  fail()
  breaker.settle(permitOf(breaker), 'success')
  fail()
  fail()
  t.equal(breaker.state, 'closed')
  breaker.settle(permitOf(breaker), 'other')
  fail()
  t.equal(breaker.state, 'open', 'what says nothing of the dependency does not')
  t.equal(breaker.permit, undefined)
  t.same(emitted, [{ failures: 3, retryInMs: 1_000 }])
})

t.test('an open breaker admits one call after its backoff, and the others only after that call succeeded', async t => {
  const { breaker, fail, clock, emitted } = breakerOf()
  for (let i = 0; i < 3; i++) fail()
  const admitted = waiters(breaker, 5)
  await clock.pass(999)
  t.same(admitted, [])
  await clock.pass(1)
  t.equal(admitted.length, 1)
  t.equal(breaker.state, 'half-open')
  const [probe] = admitted
  if (probe === undefined) throw new Error('no probe')
  await clock.pass(500)
  breaker.settle(probe, 'success')
  await clock.pass(0)
  t.equal(admitted.length, 5)
  t.equal(breaker.state, 'closed')
  t.same(emitted.at(-1), { openForMs: 1_500 })
})

t.test('a failed probe opens the breaker for longer, up to the maximum', async t => {
  const { breaker, fail, clock, emitted } = breakerOf()
  for (let i = 0; i < 3; i++) fail()
  for (let i = 0; i < 4; i++) {
    const admitted = waiters(breaker, 1)
    await clock.until(() => admitted.length === 1)
    const [probe] = admitted
    if (probe === undefined) throw new Error('no probe')
    breaker.settle(probe, 'dependency failure')
  }
  t.same(
    emitted.map(event => Object(event).retryInMs),
    [1_000, 2_000, 4_000, 4_000, 4_000],
  )
})

t.test('a probe without information about the dependency lets the next call probe at once', async t => {
  const { breaker, fail, clock } = breakerOf()
  for (let i = 0; i < 3; i++) fail()
  const admitted = waiters(breaker, 2)
  await clock.pass(1_000)
  const [probe] = admitted
  if (probe === undefined) throw new Error('no probe')
  breaker.settle(probe, 'other')
  await clock.pass(0)
  t.equal(admitted.length, 2)
  t.equal(breaker.state, 'half-open')
})

t.test('a hanging probe delays the next one by the longest backoff', async t => {
  const { breaker, fail, clock } = breakerOf()
  for (let i = 0; i < 3; i++) fail()
  const admitted = waiters(breaker, 2)
  await clock.pass(1_000 + 3_999)
  t.equal(admitted.length, 1)
  await clock.pass(1)
  t.equal(admitted.length, 2)
})

t.test('calls from before the breaker opened do not change its state', async t => {
  const { breaker, fail, emitted } = breakerOf()
  const before = permitOf(breaker)
  for (let i = 0; i < 3; i++) fail()
  breaker.settle(before, 'success')
  breaker.settle(before, 'dependency failure')
  t.equal(breaker.state, 'open')
  t.equal(emitted.length, 1)
})

t.test('waiting callers are released when the signal fires', async t => {
  const { breaker, fail } = breakerOf()
  for (let i = 0; i < 3; i++) fail()
  const closing = new AbortController()
  const admission = breaker.admit(closing.signal)
  closing.abort()
  t.equal(await admission, undefined)
})
