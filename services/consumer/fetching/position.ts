import { type Checkpoint, compareSequence, isSequence } from '../checkpoint.ts'
import type { RecordsReply, ShardPosition } from '../stream.ts'

/** Returns the position at which to start to read a shard. The record at the checkpoint is delivered again. */
export function startPosition({ from, startAt }: { from: Checkpoint; startAt: number | undefined }): ShardPosition {
  if (isSequence(from)) return { type: 'AT_SEQUENCE_NUMBER', sequenceNumber: from.sequenceNumber }
  if (startAt !== undefined) return { type: 'AT_TIMESTAMP', at: new Date(startAt) }
  return from.sequenceNumber === 'LATEST' ? { type: 'LATEST' } : { type: 'TRIM_HORIZON' }
}

/**
 * Returns the position after a reply: after its last record, or after the continuation of Kinesis if that is further. A
 * reply with neither leaves the position unchanged.
 */
export function positionAfter(
  { records }: Pick<RecordsReply, 'records'>,
  position: ShardPosition,
  continuation?: string,
): ShardPosition {
  const last = records.at(-1)?.sequenceNumber
  if (last === undefined && continuation === undefined) return position
  const isFarther = last === undefined || (continuation !== undefined && compareSequence(continuation, last) > 0)
  return { type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber: (isFarther ? continuation : last) ?? '' }
}

/**
 * Returns the reply without records that were already fetched. There are such records only if the shard is read again
 * from its start.
 */
export function dropRepeated(reply: RecordsReply, last: string | undefined): RecordsReply {
  const [first] = reply.records
  if (last === undefined || !first || compareSequence(first.sequenceNumber, last) > 0) return reply
  return { ...reply, records: reply.records.filter(record => compareSequence(record.sequenceNumber, last) > 0) }
}
