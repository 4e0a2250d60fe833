import t from 'tap'
import { PauseGate } from '../../../services/consumer/pausing/pause-gate.ts'

t.test('a paused worker waits until it is resumed, or until the signal fires', async t => {
  const gate = new PauseGate({ now: () => 0 })
  const { signal } = new AbortController()
  await gate.whenResumed(signal)

  const before = gate.signal
  gate.pause()
  t.ok(gate.isPaused && before.aborted && gate.signal.aborted)
  let hasResumed = false
  const waiting = gate.whenResumed(signal).then(() => {
    hasResumed = true
  })
  gate.resume()
  gate.pause() // Before the waiting call has continued.
  await new Promise(resolve => setImmediate(resolve))
  t.notOk(hasResumed, 'the second pause holds it, too')
  gate.resume()
  await waiting
  t.notOk(gate.isPaused || gate.signal.aborted)

  gate.pause()
  const stop = new AbortController()
  const stopped = gate.whenResumed(stop.signal)
  stop.abort()
  await stopped
  t.ok(gate.isPaused)
})

t.test('the active time stands still during a pause', async t => {
  let now = 100
  const gate = new PauseGate({ now: () => now })
  gate.pause()
  now = 150
  gate.pause()
  t.equal(gate.pausedForMs, 50)
  t.equal(gate.activeNow(), 100)
  gate.resume()
  gate.resume()
  now = 160
  t.equal(gate.activeNow(), 110)
  t.equal(gate.pausedForMs, undefined)
})
