import t from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { decodeEvent } from '../../services/uploads/events/decode-event.ts'
import { encodeEvent } from '../../services/uploads/events/event.ts'
import {
  eventOf,
  OUTBOX_PARTITIONS,
  outboxPartition,
  outboxPartitionName,
} from '../../services/uploads/records/record.ts'
import { uploadRecord } from './examples.ts'

t.test('the outbox mark of an upload is always in the same partition, which the relay lists', async t => {
  const partitions = Array.from({ length: OUTBOX_PARTITIONS }, (_, index) => outboxPartitionName(index))
  t.equal(new Set(partitions).size, OUTBOX_PARTITIONS)
  for (let n = 0; n < 100; n++) {
    const uploadId = uuidv7()
    t.equal(outboxPartition(uploadId), outboxPartition(uploadId))
    if (!partitions.includes(outboxPartition(uploadId))) t.fail(outboxPartition(uploadId))
  }
})

t.test('uploads of the same millisecond are distributed evenly over all partitions', async t => {
  const counts = new Map<string, number>()
  const total = 16_000
  for (let n = 0; n < total; n++) {
    const partition = outboxPartition(uuidv7({ msecs: 1_700_000_000_000 }))
    counts.set(partition, (counts.get(partition) ?? 0) + 1)
  }
  t.equal(counts.size, OUTBOX_PARTITIONS)
  const mean = total / OUTBOX_PARTITIONS
  // Six standard deviations: the test fails by chance once in many millions of runs.
  const maxDeviation = 6 * Math.sqrt(mean)
  for (const [partition, count] of counts) t.ok(Math.abs(count - mean) < maxDeviation, `${partition}: ${count}`)
})

t.test('an event has the data of the upload, without its status and the internal properties of the store', async t => {
  const record = uploadRecord({ status: 'queued', failure: { code: 'X', reason: 'y' } })
  const { owner, status, updatedAt, failure, ...common } = record
  t.strictSame(eventOf(record), { version: 1, ...common, userSub: owner })
  t.strictSame(decodeEvent(encodeEvent(eventOf(record))), eventOf(record), 'the worker decodes it')
  t.ok(status && updatedAt && failure)
})
