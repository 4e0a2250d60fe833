import t from 'tap'
import { ByteBudget } from '../../../services/consumer/fetching/byte-budget.ts'

t.test('a shard has room up to its fair share', async t => {
  const budget = new ByteBudget(100)
  const [a, b] = [budget.open(), budget.open()]
  a.add(49)
  t.ok(a.hasRoom())
  a.add(1)
  t.notOk(a.hasRoom())
  t.ok(b.hasRoom(), 'and takes nothing from the others')
})

t.test('no shard has room while the whole budget is used', async t => {
  const budget = new ByteBudget(100)
  const [a, b] = [budget.open(), budget.open()]
  a.add(100)
  t.notOk(b.hasRoom())
  a.free(100)
  t.ok(b.hasRoom())
})

t.test('whoever waits is woken when bytes are freed, and when another shard is given up', async t => {
  const budget = new ByteBudget(10)
  const [a, b] = [budget.open(), budget.open()]
  a.add(10)
  const freed = a.whenFreed()
  a.free(10)
  await freed
  const left = b.whenFreed()
  a.close()
  await left
  t.equal(budget.used, 0)
})

t.test('what is freed from a shard that was given up is not counted twice', async t => {
  const budget = new ByteBudget(100)
  const a = budget.open()
  a.add(60)
  a.close()
  const again = budget.open()
  again.add(10)
  a.free(60)
  t.equal(budget.used, 10)
})
