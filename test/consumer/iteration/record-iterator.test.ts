import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { RecordIterator } from '../../../services/consumer/iteration/record-iterator.ts'
import type { ProcessingOptions } from '../../../services/consumer/processing/processing-options.ts'
import { processorOf, recordOf } from '../processing/support.ts'

/** An iterator over the records of one shard. It reads no stream. */
function iteratorOf<T = undefined>(options: ProcessingOptions<T>) {
  const fixture = processorOf(options)
  const { queue } = fixture
  const nothing = async () => undefined
  const iterator = new RecordIterator<T>({
    ...{ queue, decode: options.decode, start: nothing, stop: nothing, failure: () => undefined },
  })
  return { ...fixture, iterator }
}

/** A decoder that waits until it is told to continue, and an iterator that uses it. */
function withSlowDecoder() {
  const decoding = Promise.withResolvers<void>()
  const decode = async (data: Uint8Array) => {
    await decoding.promise
    return Buffer.from(data).toString()
  }
  return { ...iteratorOf({ decode }), decoded: decoding.resolve }
}

t.test('record.signal has fired if the lease expired while the process was suspended and no timer fired', async t => {
  const { processor, iterator, expire } = iteratorOf({})
  processor.add([recordOf(1)])
  const { value: record } = await iterator.next()
  const before = record?.signal
  t.equal(before?.aborted, false)
  expire()
  t.equal(before?.aborted, false, 'nothing has looked at the clock')
  t.equal(record?.signal.aborted, true, 'reading the signal looks at the clock')
})

t.test('a loop gets no record whose lease expired while it was decoded', async t => {
  const { processor, queue, iterator, expire, decoded } = withSlowDecoder()
  processor.add([recordOf(1)])
  const next = iterator.next()
  await turn()
  expire()
  decoded()
  await turn()
  queue.end()
  t.same(await next, { done: true, value: undefined })
})

t.test('a record that was decoded during a pause is given to the loop after the pause', async t => {
  const { processor, queue, pause, iterator, decoded } = withSlowDecoder()
  processor.add([recordOf(1, 'a')])
  let isGiven = false
  const next = iterator.next().finally(() => {
    isGiven = true
  })
  await turn()
  pause.pause()
  decoded()
  await turn()
  t.equal(isGiven, false)
  pause.resume()
  queue.wake()
  t.match(await next, { done: false, value: { value: 'a:1', sequenceNumber: '1' } })
})

t.test('a stop during a pause does not wait for a record that was decoded and not given to the loop', async t => {
  const { processor, queue, pause, progress, iterator, decoded } = withSlowDecoder()
  processor.add([recordOf(1)])
  const next = iterator.next()
  await turn()
  pause.pause()
  decoded()
  await turn()
  const closed = processor.close()
  queue.end()
  t.same(await next, { done: true, value: undefined })
  await closed
  t.equal(progress().sequenceNumber, 'TRIM_HORIZON', 'the record is delivered again')
})

t.test('a record that is decoded when the worker stops is still given to the loop, and can be committed', async t => {
  const { processor, queue, progress, iterator, decoded } = withSlowDecoder()
  processor.add([recordOf(1)])
  const next = iterator.next()
  await turn()
  const closed = processor.close()
  queue.end()
  decoded()
  const { value: record } = await next
  t.equal(record?.commit(), true)
  await closed
  t.equal(progress().sequenceNumber, '1')
})

t.test('a program that has left the loop gets no record that was being decoded', async t => {
  const { processor, iterator, decoded } = withSlowDecoder()
  processor.add([recordOf(1)])
  const next = iterator.next()
  await turn()
  await iterator.return()
  decoded()
  t.same(await next, { done: true, value: undefined })
})
