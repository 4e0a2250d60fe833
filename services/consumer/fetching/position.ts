import { type Checkpoint, compareSequence, isSequence } from '../checkpoint.ts'
import type { RecordsReply, ShardPosition } from '../stream.ts'

/** Where to start to read a shard that is done up to `from`. The record that it names comes again. */
export function startPosition({ from, startAt }: { from: Checkpoint; startAt: number | undefined }): ShardPosition {
  if (isSequence(from)) return { type: 'AT_SEQUENCE_NUMBER', sequenceNumber: from.sequenceNumber }
  if (startAt !== undefined) return { type: 'AT_TIMESTAMP', at: new Date(startAt) }
  return from.sequenceNumber === 'LATEST' ? { type: 'LATEST' } : { type: 'TRIM_HORIZON' }
}

/**
 * Where to go on once a reply has been handed on: behind its last record, or behind the place that Kinesis names where that
 * is farther on. A reply that tells of neither moves nothing.
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

/** The reply without what has come already: that is in it only where the shard is read again from its start. */
export function dropRepeated(reply: RecordsReply, last: string | undefined): RecordsReply {
  const [first] = reply.records
  if (last === undefined || !first || compareSequence(first.sequenceNumber, last) > 0) return reply
  return { ...reply, records: reply.records.filter(record => compareSequence(record.sequenceNumber, last) > 0) }
}
