import t from 'tap'
import { pause } from '../../../services/api/watch/pace.ts'

t.test(
  'what has just changed is looked at soon, what rests ever more seldom, and never less than every two seconds',
  async t => {
    const middle = 0.5
    t.equal(pause(0, 0, middle), 100)
    t.equal(pause(5_000, 0, middle), 500)
    t.equal(pause(60_000, 0, middle), 2_000)
    t.equal(pause(86_400_000, 0, middle), 2_000)
  },
)

t.test('a clock that is behind, or says nothing, makes no hurry and no halt', async t => {
  t.equal(pause(-60_000, 0, 0.5), 100)
  t.equal(pause(Number.NaN, 0, 0.5), 2_000)
})

t.test('looks that fail are farther apart, up to a bound', async t => {
  t.equal(pause(0, 1, 0.5), 200)
  t.equal(pause(0, 3, 0.5), 800)
  t.equal(pause(60_000, 50, 0.5), 8_000)
  t.equal(pause(0, 5_000, 0.5), 8_000)
})

t.test('looks are spread by a quarter to either side', async t => {
  t.equal(pause(10_000, 0, 0), 750)
  t.ok(pause(10_000, 0, 0.999) < 1_250)
})
