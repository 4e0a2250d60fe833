import t from 'tap'
import { estimateReplay } from '../../../services/consumer/admin/replay-estimate.ts'
import type { ShardReplay } from '../../../services/consumer/admin/replay-plan.ts'
import type { ConsumerRecord } from '../../../services/consumer/record.ts'
import type { RecordsReply } from '../../../services/consumer/stream.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { leaseWith } from '../leases/support.ts'

const NOW = 1_000_000

const record = (shardId: string, at: number): ConsumerRecord => ({
  data: Buffer.alloc(100),
  partitionKey: 'key',
  sequenceNumber: '1',
  subSequenceNumber: 0,
  shardId,
  arrivedAt: new Date(at),
})

const plan = (shardId: string): ShardReplay => ({
  shardId,
  change: 'move',
  first: record(shardId, NOW - 4_000),
  lease: leaseWith({ leaseKey: shardId }),
})

const named = (name: string) => Object.assign(new Error(name), { name })

/** Estimates the replay of two shards. The reads of the first one fail with the error. */
function estimate(error: Error) {
  return estimateReplay([plan('shard-1'), plan('shard-2')], {
    clock: new FakeClock({ skipsSleep: true }),
    wallClock: () => NOW,
    stream: {
      getIterator: async (shardId, position) =>
        `${shardId} ${position.type === 'AT_TIMESTAMP' && position.at.getTime()}`,
      getRecords: async (shardId, iterator): Promise<RecordsReply> => {
        if (shardId === 'shard-1') throw error
        const at = Number(iterator.split(' ')[1])
        return { records: [record(shardId, at)], nextIterator: 'next', millisBehindLatest: 0, childShards: [] }
      },
    },
  })
}

t.test('a shard whose reads are throttled has no estimate, and the others have one', async t => {
  const estimates = await estimate(named('ProvisionedThroughputExceededException'))
  t.strictSame([...estimates.keys()], ['shard-2'])
  t.match(estimates.get('shard-2'), { records: 4, minRecords: 4, maxRecords: 4 })
})

t.test('a missing permission fails the whole estimate', async t => {
  await t.rejects(estimate(named('AccessDeniedException')), { name: 'AccessDeniedException' })
})
