import t from 'tap'
import { BodyPool } from '../../../services/consumer/kinesis/body-pool.ts'

const MIB = 1024 ** 2

t.test('a returned buffer is reused if it is long enough', async t => {
  const pool = new BodyPool()
  const first = pool.take(100_000)
  t.ok(first.length >= 100_000)
  pool.give(first)
  t.not(pool.take(MIB), first)
  t.equal(pool.take(50_000), first)
  t.not(pool.take(50_000), first, 'and by one at a time')
})

t.test('the pool keeps a limited number of bytes', async t => {
  const pool = new BodyPool()
  const taken = Array.from({ length: 40 }, () => pool.take(MIB))
  for (const buffer of taken) pool.give(buffer)
  const kept = new Set(taken)
  const again = Array.from({ length: 40 }, () => pool.take(MIB)).filter(buffer => kept.has(buffer))
  t.equal(again.length, 4)
})

t.test('the memory of a buffer that the pool does not keep is freed at once', async t => {
  const pool = new BodyPool()
  const taken = Array.from({ length: 5 }, () => pool.take(MIB))
  for (const buffer of taken) pool.give(buffer)
  t.same(
    taken.map(buffer => buffer.length),
    [MIB, MIB, MIB, MIB, 0],
  )
})

t.test('a request for 0 bytes allocates the minimum', async t => {
  t.equal(new BodyPool().take(0).length, 64 * 1024)
})
