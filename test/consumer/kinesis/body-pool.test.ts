import t from 'tap'
import { BodyPool } from '../../../services/consumer/kinesis/body-pool.ts'

const MIB = 1024 ** 2

t.test('memory that was given back is used again where it is long enough', async t => {
  const pool = new BodyPool()
  const first = pool.take(100_000)
  t.ok(first.length >= 100_000)
  pool.give(first)
  t.not(pool.take(MIB), first)
  t.equal(pool.take(50_000), first)
  t.not(pool.take(50_000), first, 'and by one at a time')
})

t.test('no more is kept than a bound', async t => {
  const pool = new BodyPool()
  const taken = Array.from({ length: 40 }, () => pool.take(MIB))
  for (const buffer of taken) pool.give(buffer)
  const kept = new Set(taken)
  const again = Array.from({ length: 40 }, () => pool.take(MIB)).filter(buffer => kept.has(buffer))
  t.equal(again.length, 16)
})

t.test('nothing of any length at all is no reason for more than a little', async t => {
  t.equal(new BodyPool().take(0).length, 64 * 1024)
})
