import { ResourceInUseException } from '@aws-sdk/client-kinesis'
import t from 'tap'
import { TRIM_HORIZON } from '../../../services/consumer/checkpoint.ts'
import { ByteBudget } from '../../../services/consumer/fetching/byte-budget.ts'
import { fetchByFanOut } from '../../../services/consumer/fetching/fan-out.ts'
import type { ConsumerRecord } from '../../../services/consumer/index.ts'
import { PauseGate } from '../../../services/consumer/pausing/pause-gate.ts'
import type { Shard } from '../../../services/consumer/shards/shard.ts'
import type { ShardPosition, StreamReader, SubscriptionEvent } from '../../../services/consumer/stream.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { SHARD } from './support.ts'

// Behaviour of AWS that kinesis-local does not have, from a script in virtual time.

type Script = ReadonlyArray<ReadonlyArray<SubscriptionEvent | Error>>

const record = (sequenceNumber: string): ConsumerRecord => ({
  ...{ data: new Uint8Array(1), partitionKey: 'key', sequenceNumber, subSequenceNumber: 0 },
  ...{ shardId: SHARD, arrivedAt: new Date(0) },
})
const event = (continuation: string | undefined, ...sequenceNumbers: string[]): SubscriptionEvent => ({
  ...{ records: sequenceNumbers.map(record), continuation, millisBehindLatest: 10, childShards: [] },
})
const child = {
  shardId: 'child',
  parentShardIds: [SHARD],
  startingHashKey: '0',
  endingHashKey: '9',
  startingSequenceNumber: undefined,
}
const last = (...sequenceNumbers: string[]) => ({ ...event(undefined, ...sequenceNumbers), childShards: [child] })
const inUse = () => new ResourceInUseException({ message: 'in use', $metadata: {} })

/** Plays one subscription of the script per call, until the shard ends. */
async function play(script: Script, { listed = [], polled = [] }: { listed?: Shard[]; polled?: string[] } = {}) {
  const clock = new FakeClock({ skipsSleep: true })
  const calls: Array<{ at: number; position: ShardPosition }> = []
  const faults: string[] = []
  const stream: StreamReader = {
    isActive: async () => true,
    listShards: async () => listed,
    getIterator: async (_, position) => JSON.stringify(position),
    getRecords: async () => ({ ...last(...polled), nextIterator: undefined }),
    async *subscribe(_, position) {
      calls.push({ at: clock.now(), position })
      for (const step of script[calls.length - 1] ?? []) {
        if (step instanceof Error) throw step
        yield step
      }
    },
  }
  const replies = fetchByFanOut({
    ...{ shardId: SHARD, stream, from: TRIM_HORIZON, startAt: undefined, recordsPerFetch: 10, idleIntervalMs: 250 },
    shard: { startingHashKey: undefined, endingHashKey: undefined, shardStart: '10' },
    ...{ budget: new ByteBudget(1_000).open(), random: () => 0, signal: AbortSignal.timeout(10_000) },
    clock,
    pause: new PauseGate(clock),
    onFault: (_, error) => faults.push(String(error)),
    onThrottled: error => faults.push(String(error)),
  })
  const records: string[] = []
  let next = await replies.next()
  for (; !next.done; next = await replies.next()) records.push(...next.value.records.map(r => r.sequenceNumber))
  const times = calls.map(({ at }) => at)
  return { children: next.value, records, times, positions: calls.map(({ position }) => position), faults }
}

const after = (sequenceNumber: string) => ({ type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber })

t.test('a last event with children ends the shard', async t => {
  const { children, records, faults } = await play([[event('2', '1', '2'), last('3')]])
  t.same(records, ['1', '2', '3'])
  t.same(children, [child])
  t.same(faults, [])
})

t.test('an ended subscription is reopened after the continuation of Kinesis, at most once a second', async t => {
  const { records, positions, times, faults } = await play([
    [event('2', '1', '2'), event('50')],
    [event('60', '55')],
    [last()],
  ])
  t.same(records, ['1', '2', '55'])
  t.same(positions, [{ type: 'TRIM_HORIZON' }, after('50'), after('60')])
  t.same(times, [0, 1_100, 2_200], 'with a margin for a call that takes longer to arrive than the next one')
  t.same(faults, [])
})

t.test('a continuation before the last record does not move the position back', async t => {
  const { positions } = await play([[event('9', '8', '10')], [last()]])
  t.same(positions[1], after('10'))
})

t.test('subscriptions that end without an event are reopened with growing backoff', async t => {
  const { times } = await play([[], [], [], [last()]])
  t.same(times, [0, 1_100, 2_200, 4_200])
})

t.test('a subscription that another call took over is reopened only after a long backoff', async t => {
  const { times, positions, faults } = await play([[event('1', '1'), inUse()], [inUse()], [last()]])
  const [, second = 0, third = 0] = times
  t.ok(second >= 5_000, `after ${second} ms`)
  t.ok(third - second >= 1_000, 'and a call that is refused is not made again at once')
  t.same(positions[1], after('1'))
  t.equal(faults.length, 2)
})

t.test('an end without children is ignored while the shard is open', async t => {
  const open: Shard = { ...child, shardId: SHARD, parentShardIds: [], closed: false }
  const { records, children, faults } = await play([[event(undefined, '1')], [last('2')]], { listed: [open] })
  t.same(records, ['1', '2'])
  t.same(children, [child])
  t.match(faults, [/is not closed/])
})

t.test('a closed shard whose end names no children is polled to its end', async t => {
  const listed = [
    { ...child, shardId: SHARD, parentShardIds: [], closed: true },
    { ...child, closed: false },
  ]
  for (const ending of [event(undefined, '1'), { ...event('1'), millisBehindLatest: 0 }]) {
    const { records, children } = await play([[event('1', '1'), ending]], { listed, polled: ['2'] })
    t.equal(records.at(-1), '2')
    t.same(children, [child])
  }
})

t.test('children of another shard are ignored', async t => {
  const foreign = { ...last('1'), childShards: [{ ...child, parentShardIds: ['another'] }] }
  const { records } = await play([[foreign], [last('2')]])
  t.same(records, ['1', '2'])
})
