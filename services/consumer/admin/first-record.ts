import type { Clock } from '../clock.ts'
import type { ShardPosition, StreamReader } from '../stream.ts'
import type { FirstRecord } from './replay-plan.ts'

export interface FirstRecordSettings {
  stream: Pick<StreamReader, 'getIterator' | 'getRecords'>
  clock: Clock
}

/** Kinesis allows 5 GetRecords a second per shard, and the workers need some of them. */
const CALL_INTERVAL_MS = 250

/** Kinesis returns empty replies while it skips an empty range of a shard. */
const MAX_CALLS = 40

/**
 * Returns the first record of a shard at or after a position: `none` if there is none up to the tip, `unknown` if none
 * arrived within ten seconds.
 */
export async function firstRecord(
  shardId: string,
  position: ShardPosition,
  { stream, clock }: FirstRecordSettings,
): Promise<FirstRecord | 'none' | 'unknown'> {
  let iterator: string | undefined = await stream.getIterator(shardId, position)
  for (let call = 0; call < MAX_CALLS && iterator !== undefined; call++) {
    if (call > 0) await clock.sleep(CALL_INTERVAL_MS)
    const reply = await stream.getRecords(shardId, iterator, 1)
    const [record] = reply.records
    if (record) return { sequenceNumber: record.sequenceNumber, arrivedAt: record.arrivedAt }
    if (reply.millisBehindLatest === 0) return 'none'
    iterator = reply.nextIterator
  }
  return iterator === undefined ? 'none' : 'unknown'
}
