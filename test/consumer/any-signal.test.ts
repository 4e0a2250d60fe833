import { getEventListeners } from 'node:events'
import t from 'tap'
import { anySignal } from '../../services/consumer/any-signal.ts'

const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length

t.test('A signal of several fires with the reason of the first source that fires', async t => {
  const [one, other] = [new AbortController(), new AbortController()]
  const either = anySignal([one.signal, other.signal])
  t.notOk(either.signal.aborted)
  other.abort('the other')
  one.abort('the one')
  t.ok(either.signal.aborted)
  t.equal(either.signal.reason, 'the other')
  t.equal(listeners(one.signal) + listeners(other.signal), 0)
})

t.test('A signal of several has fired from the start if a source has fired before', async t => {
  const open = new AbortController()
  const either = anySignal([open.signal, AbortSignal.abort('before')])
  t.equal(either.signal.reason, 'before')
  t.equal(listeners(open.signal), 0)
})

t.test('A release fires the signal and leaves no listener at the sources', async t => {
  const [one, other] = [new AbortController(), new AbortController()]
  const either = anySignal([one.signal, other.signal])
  t.equal(listeners(one.signal), 1)
  either.release()
  t.ok(either.signal.aborted)
  t.equal(listeners(one.signal) + listeners(other.signal), 0)
  one.abort('later')
  t.not(either.signal.reason, 'later')
})
