import t from 'tap'
import { BatchQueue } from '../../../services/consumer/processing/batch-queue.ts'

const queueOf = (limits: { maxRecords?: number; maxWaitMs?: number; maxBytes?: number }) =>
  new BatchQueue<number>({ maxRecords: 3, maxWaitMs: 100, maxBytes: 1_000, ...limits }, size => size)

t.test('a batch is due when it is full or its first record has waited long enough', async t => {
  const queue = queueOf({})
  t.equal(queue.dueIn(0), undefined, 'nothing waits')
  queue.push(1, 0)
  queue.push(2, 50)
  t.equal(queue.dueIn(50), 50)
  t.equal(queue.dueIn(100), 0)
  queue.push(3, 60)
  t.equal(queue.dueIn(60), 0, 'full')
  t.same(queue.take(), [1, 2, 3])
  t.equal(queue.dueIn(60), undefined)
})

t.test('items that a batch leaves in the queue keep their arrival time', async t => {
  const queue = queueOf({ maxRecords: 2 })
  for (const [item, now] of [
    [1, 0],
    [2, 10],
    [3, 20],
  ] as const)
    queue.push(item, now)
  t.same(queue.take(), [1, 2])
  t.equal(queue.dueIn(20), 100)
})

t.test('a batch stays within its bytes, and a larger record is a batch of its own', async t => {
  const queue = queueOf({ maxBytes: 10, maxRecords: 10 })
  for (const size of [4, 5, 2, 50, 1]) queue.push(size, 0)
  t.ok(queue.isFull)
  t.same([queue.take(), queue.take(), queue.take(), queue.take(), queue.take()], [[4, 5], [2], [50], [1], []])
  t.notOk(queue.isFull)
})

t.test('many records come out once each and in order', async t => {
  const queue = queueOf({ maxRecords: 7, maxBytes: 1e12 })
  const out: number[] = []
  for (let i = 0; i < 10_000; i++) {
    queue.push(i, i)
    if (i % 5 === 0) out.push(...queue.take())
  }
  while (queue.length > 0) out.push(...queue.take())
  t.same(
    out,
    Array.from({ length: 10_000 }, (_, i) => i),
  )
})
