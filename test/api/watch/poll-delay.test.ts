import t from 'tap'
import { pollDelayMs } from '../../../services/api/watch/poll-delay.ts'

t.test('an upload that just changed is read soon, and every upload at least every two seconds', async t => {
  const middle = 0.5
  t.equal(pollDelayMs(0, 0, middle), 100)
  t.equal(pollDelayMs(5_000, 0, middle), 500)
  t.equal(pollDelayMs(60_000, 0, middle), 2_000)
  t.equal(pollDelayMs(86_400_000, 0, middle), 2_000)
})

t.test('a clock that is behind, or an invalid time, gives a normal delay', async t => {
  t.equal(pollDelayMs(-60_000, 0, 0.5), 100)
  t.equal(pollDelayMs(Number.NaN, 0, 0.5), 2_000)
})

t.test('failed reads increase the delay up to a maximum', async t => {
  t.equal(pollDelayMs(0, 1, 0.5), 200)
  t.equal(pollDelayMs(0, 3, 0.5), 800)
  t.equal(pollDelayMs(60_000, 50, 0.5), 8_000)
  t.equal(pollDelayMs(0, 5_000, 0.5), 8_000)
})

t.test('delays are spread by a quarter in both directions', async t => {
  t.equal(pollDelayMs(10_000, 0, 0), 750)
  t.ok(pollDelayMs(10_000, 0, 0.999) < 1_250)
})
