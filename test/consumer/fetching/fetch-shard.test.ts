import t from 'tap'
import { type Checkpoint, TRIM_HORIZON } from '../../../services/consumer/checkpoint.ts'
import { ByteBudget } from '../../../services/consumer/fetching/byte-budget.ts'
import { fetchShard } from '../../../services/consumer/fetching/fetch-shard.ts'
import { PauseGate } from '../../../services/consumer/pausing/pause-gate.ts'
import type { ConsumerRecord } from '../../../services/consumer/record.ts'
import type { Shard } from '../../../services/consumer/shards/shard.ts'
import type { RecordsReply, ShardPosition, StreamReader } from '../../../services/consumer/stream.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { at } from '../leases/support.ts'

const SHARD = 'shard-1'

const record = (sequenceNumber: string): ConsumerRecord => ({
  data: Buffer.from(sequenceNumber),
  partitionKey: 'key',
  sequenceNumber,
  subSequenceNumber: 0,
  shardId: SHARD,
  arrivedAt: new Date(0),
})

const shard = (shardId: string, fields: Partial<Shard> = {}): Shard => ({
  shardId,
  parentShardIds: [],
  startingHashKey: '0',
  endingHashKey: '9',
  startingSequenceNumber: '11',
  closed: false,
  ...fields,
})

const reply = (numbers: string[], fields: Partial<RecordsReply> = {}): RecordsReply => ({
  records: numbers.map(record),
  nextIterator: 'next',
  millisBehindLatest: 0,
  childShards: [],
  ...fields,
})

const fault = (name: string) => Object.assign(new Error(name), { name })

type Step = RecordsReply | Error

/** Reads a shard whose GetRecords answers are scripted. Returns the positions from which it was read. */
async function read(
  script: Step[],
  { from = TRIM_HORIZON, shards = [shard(SHARD)] as Shard[], stopsAtIterator = false } = {},
) {
  const positions: ShardPosition[] = []
  const faults: string[] = []
  const stop = new AbortController()
  const stream: StreamReader = {
    isActive: async () => true,
    listShards: async () => shards,
    getIterator: async (_, position) => {
      positions.push(position)
      if (stopsAtIterator) stop.abort()
      return 'iterator'
    },
    getRecords: async () => {
      const step = script.shift()
      if (script.length === 0) stop.abort()
      if (step instanceof Error) throw step
      return step ?? reply([])
    },
  }
  const fetched: string[] = []
  const clock = new FakeClock({ skipsSleep: true })
  const replies = fetchShard({
    shardId: SHARD,
    shard: { startingHashKey: '0', endingHashKey: '9', shardStart: '10' },
    stream,
    from: from as Checkpoint,
    startAt: undefined,
    budget: new ByteBudget(1e6).open(),
    recordsPerFetch: 100,
    idleIntervalMs: 200,
    clock,
    pause: new PauseGate(clock),
    random: () => 0.5,
    signal: stop.signal,
    onFault: operation => faults.push(operation),
    onThrottled: () => faults.push('throttled'),
  })
  for (let next = await replies.next(); ; next = await replies.next()) {
    if (next.done) return { fetched, positions, faults, children: next.value }
    fetched.push(...next.value.records.map(({ sequenceNumber }) => sequenceNumber))
  }
}

t.test('reading continues after the last record when an iterator expired or a call failed', async t => {
  const script = [
    reply(['1', '2']),
    fault('ExpiredIteratorException'),
    reply(['3']),
    fault('InternalFailure'),
    reply([]),
  ]
  const { fetched, positions, faults } = await read(script)
  t.same(fetched, ['1', '2', '3'])
  t.same(positions, [
    { type: 'TRIM_HORIZON' },
    { type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber: '2' },
    { type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber: '3' },
  ])
  t.same(faults, ['GetRecords'], 'an expired iterator is no fault')
})

t.test('a throttled iterator is used again', async t => {
  const script = [reply(['1']), fault('ProvisionedThroughputExceededException'), reply(['2']), reply([])]
  const { fetched, positions, faults } = await read(script)
  t.same(fetched, ['1', '2'])
  t.same(positions, [{ type: 'TRIM_HORIZON' }])
  t.same(faults, ['throttled'], 'and is counted apart from faults')
})

t.test('a trimmed checkpoint continues at the first record left, without repeated records', async t => {
  const script = [
    reply(['10', '11']),
    fault('ExpiredIteratorException'),
    fault('InvalidArgumentException'),
    reply(['9', '10']),
    reply(['11', '12']),
    reply([]),
  ]
  const { fetched, positions } = await read(script, { from: at('9') })
  t.same(
    positions.map(position => position.type),
    ['AT_SEQUENCE_NUMBER', 'AFTER_SEQUENCE_NUMBER', 'TRIM_HORIZON'],
  )
  t.same(fetched, ['10', '11', '12'])
})

t.test('a shard that is no longer in the stream ends with the children that the stream lists', async t => {
  const shards = [shard('shard-2', { parentShardIds: [SHARD] }), shard('shard-3')]
  const { children, faults } = await read([fault('ResourceNotFoundException'), reply([])], { shards })
  t.same(
    children?.map(child => child.shardId),
    ['shard-2'],
  )
  t.same(faults, ['GetRecords'])
})

t.test('a trimmed shard whose child is trimmed as well is followed by the shards below that child', async t => {
  const shards = [
    shard('child', { parentShardIds: [SHARD], endingHashKey: '4', closed: true }),
    shard('grandchild', { parentShardIds: ['child'], endingHashKey: '4' }),
    shard('grandchild of a trimmed child', { parentShardIds: ['trimmed'], startingHashKey: '5' }),
    shard('stranger below a trimmed shard', {
      ...{ parentShardIds: ['another trimmed'], startingHashKey: '10', endingHashKey: '19' },
    }),
    shard('first shard of its line', { startingHashKey: '20', endingHashKey: '29' }),
  ]
  const { children } = await read([fault('ResourceNotFoundException'), reply([])], { shards })
  t.same(
    children?.map(child => child.shardId),
    ['child', 'grandchild of a trimmed child'],
  )
})

t.test('reading continues if a shard is not found but listed, or if the stream lists no shards', async t => {
  for (const shards of [[shard(SHARD)], []]) {
    const { children, fetched } = await read([fault('ResourceNotFoundException'), reply(['1']), reply([])], { shards })
    t.equal(children, undefined)
    t.same(fetched, ['1'])
  }
})

t.test('a list of shards that may be older than a shard does not prove that the shard is gone', async t => {
  const older = shard('parent', { startingSequenceNumber: '9', parentShardIds: ['trimmed'] })
  const same = shard('sibling', { startingSequenceNumber: '10', parentShardIds: ['trimmed'] })
  for (const shards of [[older], [older, same]]) {
    const { children, fetched } = await read([fault('ResourceNotFoundException'), reply(['1']), reply([])], { shards })
    t.equal(children, undefined)
    t.same(fetched, ['1'])
  }
  const later = shard('far away', { startingSequenceNumber: '100', startingHashKey: '20', endingHashKey: '29' })
  const proven = await read([fault('ResourceNotFoundException'), reply([])], { shards: [older, same, later] })
  t.same(proven.children, [], 'the list is newer, and has no descendant: a stream that was made again')
})

t.test('a reply without a next iterator ends the shard only if it names children', async t => {
  const open = await read([reply(['1'], { nextIterator: undefined }), reply(['2']), reply([])])
  t.same(open.fetched, ['1', '2'])
  t.equal(open.children, undefined)

  const child = shard('shard-2', { parentShardIds: [SHARD] })
  const emitted = await read([reply(['1'], { nextIterator: undefined, childShards: [child] }), reply([])])
  t.same(emitted.children, [child])

  const listed = await read([reply(['1'], { nextIterator: undefined }), reply(['2']), reply([])], {
    shards: [shard(SHARD, { closed: true }), child],
  })
  t.same(listed.fetched, ['1', '2'], 'that it is listed as closed does not say that it is read to its end')
})

t.test('a shard whose lease is lost during the call for its iterator is not read', async t => {
  const script = [reply(['1']), reply([])]
  const { children } = await read(script, { stopsAtIterator: true })
  t.equal(script.length, 2, 'no call of GetRecords')
  t.equal(children, undefined)
})
