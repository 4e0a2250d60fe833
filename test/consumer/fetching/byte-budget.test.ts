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

t.test('waiting shards are woken when bytes are freed or another account is closed', async t => {
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

t.test('bytes freed from a closed account are not counted twice', async t => {
  const budget = new ByteBudget(100)
  const a = budget.open()
  a.add(60)
  a.close()
  const again = budget.open()
  again.add(10)
  a.free(60)
  t.equal(budget.used, 10)
})

t.test('only shards that have room are woken', async t => {
  const budget = new ByteBudget(100)
  const [full, empty] = [budget.open(), budget.open()]
  full.add(120)
  const woken: string[] = []
  void full.whenFreed().then(() => woken.push('full'))
  void empty.whenFreed().then(() => woken.push('empty'))
  const pass = () => new Promise(resolve => setImmediate(resolve))
  full.free(10)
  await pass()
  t.same(woken, [], 'while all of the budget is used, nobody')
  full.free(20)
  await pass()
  t.same(woken, ['empty'], 'a shard beyond its own share waits on')
  full.free(50)
  await pass()
  t.same(woken, ['empty', 'full'])
})

t.test('a waiting shard is woken when its own account is closed', async t => {
  const budget = new ByteBudget(10)
  const [a, b] = [budget.open(), budget.open()]
  a.add(10)
  const waiting = b.whenFreed()
  b.close()
  await waiting
  b.close()
  t.equal(budget.used, 10, 'and closing again changes nothing')
})
