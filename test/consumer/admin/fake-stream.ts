import type { ConsumerRecord } from '../../../services/consumer/record.ts'
import type { RecordsReply, ShardPosition, StreamReader } from '../../../services/consumer/stream.ts'
import { FakeClock } from '../../support/fake-clock.ts'

/** An error as the SDK throws it. */
export const awsError = (name: string) => Object.assign(new Error(name), { name })

export const record = (sequenceNumber: string, second: number): ConsumerRecord => ({
  ...{ data: Buffer.alloc(0), partitionKey: 'k', sequenceNumber, subSequenceNumber: 0, shardId: 's' },
  arrivedAt: new Date(second * 1_000),
})

/** A reply of GetRecords: its records, and how far it is from the tip. */
export const page = (records: ConsumerRecord[], millisBehindLatest: number): RecordsReply => ({
  ...{ records, millisBehindLatest, childShards: [] },
  nextIterator: 'next',
})

/** A stream with scripted answers and errors. Time only passes during sleeps. */
export function fakeStream(replies: Array<RecordsReply | Error>) {
  const positions: ShardPosition[] = []
  const clock = new FakeClock({ skipsSleep: true })
  const stream: StreamReader = {
    isActive: async () => true,
    listShards: async () => [],
    async getIterator(_shardId, position) {
      positions.push(position)
      return 'iterator'
    },
    async getRecords() {
      const reply = replies.length > 1 ? replies.shift() : replies[0]
      if (reply instanceof Error || reply === undefined) throw reply ?? new Error('no reply is left')
      return reply
    },
  }
  return { stream, clock, positions, slept: clock.now }
}
