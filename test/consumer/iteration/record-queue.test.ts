import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { processorOf, recordOf } from '../processing/support.ts'

t.test('records come in the order of the shard, and the checkpoint never passes one that is not committed', async t => {
  const { processor, queue, progress } = processorOf({})
  processor.add([recordOf(1, 'a'), recordOf(2, 'a'), recordOf(3, 'b')])
  const [first, second, third] = [await queue.take(), await queue.take(), await queue.take()]
  t.same(
    [first, second, third].map(taken => taken?.job.record.sequenceNumber),
    ['1', '2', '3'],
  )
  const commit = (taken = first) => taken?.queue.commit(taken.job)
  t.equal(progress().sequenceNumber, 'TRIM_HORIZON', 'a record that was taken is not done')
  t.equal(commit(second), true)
  t.equal(progress().sequenceNumber, 'TRIM_HORIZON', 'the first record is not done')
  t.equal(commit(first), true)
  t.equal(progress().sequenceNumber, '2')
  t.equal(commit(first), true, 'a second commit has no effect')
  t.equal(processor.pending, 1)
  t.equal(commit(third), true)
  await processor.whenDrained()
})

t.test('records that are not committed count in the byte budget', async t => {
  const { processor, queue, budget } = processorOf({})
  processor.add([recordOf(1), recordOf(2)])
  const used = budget.used
  const taken = await queue.take()
  t.equal(budget.used, used)
  taken?.queue.commit(taken.job)
  t.equal(budget.used, used / 2)
})

t.test('a lost lease drops the waiting records of its shard, and a commit says so', async t => {
  const { processor, queue, lose, progress } = processorOf({})
  processor.add([recordOf(1), recordOf(2)])
  const taken = await queue.take()
  lose()
  t.equal(taken?.queue.shard.signal.aborted, true)
  t.equal(taken?.queue.commit(taken.job), false)
  t.equal(progress().sequenceNumber, 'TRIM_HORIZON')
  await processor.close() // Waits for nothing.
  const next = queue.take()
  queue.end()
  t.equal(await next, undefined, 'the second record was dropped')
})

t.test('a stop waits for the records that were taken, and starts no other one', async t => {
  const { processor, queue, progress } = processorOf({})
  processor.add([recordOf(1), recordOf(2)])
  const taken = await queue.take()
  queue.end()
  let isClosed = false
  const closed = processor.close().then(() => {
    isClosed = true
  })
  await turn()
  t.equal(isClosed, false)
  t.equal(await queue.take(), undefined)
  t.equal(taken?.queue.commit(taken.job), true)
  await closed
  t.equal(progress().sequenceNumber, '1')
})

t.test('leaving the loop waits for nothing', async t => {
  const { processor, queue } = processorOf({})
  processor.add([recordOf(1)])
  await queue.take()
  queue.leave()
  await processor.close()
  t.equal(await queue.take(), undefined)
})

t.test('a paused worker gives out no record until it is resumed', async t => {
  const { processor, queue, pause } = processorOf({})
  pause.pause()
  processor.add([recordOf(1)])
  let isTaken = false
  const taking = queue.take().then(() => {
    isTaken = true
  })
  await turn()
  t.equal(isTaken, false)
  pause.resume()
  queue.wake()
  await taking
  t.equal(isTaken, true)
})
