import t from 'tap'
import { Counters } from '../../../services/consumer/metrics/counters.ts'
import { metricsOf, type ShardStatus } from '../../../services/consumer/metrics/metrics.ts'

const ORIGIN = { workerId: 'w', applicationName: 'a', streamName: 's' }

const status = (fields: Partial<ShardStatus>): ShardStatus => ({
  shardId: 's',
  checkpoint: '1',
  pending: 0,
  millisBehindLatest: 0,
  fetchAgeMs: 0,
  stalledMs: 0,
  fencingToken: 1,
  checkpointAgeMs: 0,
  bufferedBytes: 0,
  recordsPerSecond: 1,
  timeToDrainMs: 0,
  ...fields,
})
const metrics = (shards: ShardStatus[], counters = new Counters()) =>
  metricsOf({
    origin: ORIGIN,
    scanAgeMs: 0,
    counters,
    shards,
    bufferedBytes: 7,
    maxBufferedBytes: 4_096,
    yielded: 0,
    breaker: 'closed',
    paused: undefined,
    unread: 0,
  })

t.test(
  'released and ended leases are not counted as lost, and leases taken by others count as lost and stolen',
  async t => {
    const counters = new Counters()
    const reasons = ['released', 'shard ended', 'deleted', 'not renewed in time', 'taken by another worker'] as const
    for (const reason of reasons) counters.count('leaseLost', { shardId: 's', reason })
    counters.count('leaseAcquired', {
      shardId: 's',
      from: undefined,
      checkpoint: { sequenceNumber: '1', subSequenceNumber: 0 },
    })
    counters.count('shardEnded', { shardId: 's', childShardIds: [] })
    t.same(metrics([], counters).leases, { held: 0, acquired: 1, lost: 3, stolen: 1, ended: 1, unread: 0 })
  },
)

t.test('fetches, retries and faults are counted', async t => {
  const counters = new Counters()
  for (let i = 0; i < 2; i++) {
    counters.count('recordsFetched', { shardId: 's', records: 10, bytes: 500, millisBehindLatest: 0 })
  }
  const error = new Error('x')
  const place = { shardId: 's', sequenceNumber: '1' }
  const record = { ...place, data: Buffer.from('x'), partitionKey: 'k', subSequenceNumber: 0, arrivedAt: new Date() }
  counters.count('recordFailed', { ...place, attempt: 1, retryInMs: 1, error, record })
  counters.count('batchFailed', { shardId: 's', records: 5, halved: true, retryInMs: 1, error })
  counters.count('fault', { operation: 'x', shardId: undefined, error })
  counters.count('recordStarted', { shardId: 's', sequenceNumber: '1', attempt: 1 })
  t.match(metrics([], counters), {
    records: { fetched: 20, handled: 0, retries: 1, deadLetters: 0 },
    bytes: { fetched: 1_000, buffered: 7, maxBuffered: 4_096 },
    batchRetries: 1,
    faults: 1,
  })
})

t.test('the metrics of a worker show its worst shard', async t => {
  const shards = [
    status({ pending: 2, millisBehindLatest: 5, checkpointAgeMs: 9, timeToDrainMs: 1 }),
    status({ pending: 3, millisBehindLatest: undefined, checkpointAgeMs: 1, timeToDrainMs: Number.POSITIVE_INFINITY }),
  ]
  t.match(metrics(shards), {
    records: { pending: 5 },
    millisBehindLatest: 5,
    checkpointAgeMs: 9,
    timeToDrainMs: Number.POSITIVE_INFINITY,
  })
})

t.test('a metric that is unknown for one shard is unknown for the worker', async t => {
  t.match(metrics([]), { millisBehindLatest: undefined, checkpointAgeMs: undefined, timeToDrainMs: undefined })
  t.equal(metrics([status({}), status({ timeToDrainMs: undefined })]).timeToDrainMs, undefined)
})
