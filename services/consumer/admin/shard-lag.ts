import type { Checkpoint } from '../checkpoint.ts'
import type { Clock } from '../clock.ts'
import { startPosition } from '../fetching/position.ts'
import { isOpen, type Lease } from '../leases/lease.ts'
import { classifyReadError, type RecordsReply, type StreamReader } from '../stream.ts'

/** How far a shard is done, as the stream itself tells it. */
export interface ShardLag {
  /** When the record at the checkpoint came, by Kinesis's clock; undefined where there is none, or it is trimmed. */
  doneUpTo: Date | undefined
  /** When the first record behind the checkpoint came; undefined where none waits. */
  oldestWaiting: Date | undefined
  /** Of the place that was read: 0 where nothing waits. */
  millisBehindLatest: number
  /**
   * The checkpoint lies before the oldest record that the stream still has, or the stream has the shard no more: what was between
   * has been lost.
   */
  isTrimmed: boolean
}

export interface LagSettings {
  stream: Pick<StreamReader, 'getIterator' | 'getRecords'>
  clock: Clock
}

/** Kinesis allows 5 GetRecords a second and shard, and the workers need theirs. */
const CALL_INTERVAL_MS = 250

/** Kinesis may answer with nothing although there is something further on. */
const MAX_CALLS = 20

/** The record at the checkpoint and the one behind it. */
const ENOUGH = 2

/**
 * Asks the stream how far a lease is behind: what came when, from the checkpoint on. Takes a share of what the shard may be
 * read by, two records' worth of bytes and mostly one call.
 *
 * @throws what Kinesis says, but for a checkpoint that was trimmed
 */
export async function lagOf(lease: Lease, { stream, clock }: LagSettings): Promise<ShardLag> {
  if (!isOpen(lease)) return { doneUpTo: undefined, oldestWaiting: undefined, millisBehindLatest: 0, isTrimmed: false }
  const { reply, isTrimmed } = await read(lease, stream)
  const records = [...reply.records]
  let { nextIterator, millisBehindLatest } = reply
  const isDone = () => records.some(record => !isBehindUs(record.sequenceNumber, lease.checkpoint))
  for (let calls = 1; calls < MAX_CALLS && !isDone() && nextIterator && millisBehindLatest > 0; calls++) {
    await clock.sleep(CALL_INTERVAL_MS)
    const next = await stream.getRecords(lease.leaseKey, nextIterator, ENOUGH)
    records.push(...next.records)
    nextIterator = next.nextIterator
    millisBehindLatest = next.millisBehindLatest
  }
  const waiting = records.find(record => !isBehindUs(record.sequenceNumber, lease.checkpoint))
  return {
    doneUpTo: records.find(record => isBehindUs(record.sequenceNumber, lease.checkpoint))?.arrivedAt,
    oldestWaiting: waiting?.arrivedAt,
    millisBehindLatest,
    isTrimmed,
  }
}

async function read(lease: Lease, stream: LagSettings['stream']): Promise<{ reply: RecordsReply; isTrimmed: boolean }> {
  const { leaseKey, checkpoint: from, startAt } = lease
  const readFrom = async (position: ReturnType<typeof startPosition>) =>
    await stream.getRecords(leaseKey, await stream.getIterator(leaseKey, position), ENOUGH)
  try {
    return { reply: await readFrom(startPosition({ from, startAt })), isTrimmed: false }
  } catch (error) {
    const fault = classifyReadError(error)
    if (fault === 'not found') return { reply: NOTHING, isTrimmed: true }
    if (fault !== 'invalid position') throw error
    return { reply: await readFrom({ type: 'TRIM_HORIZON' }), isTrimmed: true }
  }
}

const NOTHING: RecordsReply = { records: [], nextIterator: undefined, millisBehindLatest: 0, childShards: [] }

/** The records of an aggregated record that is done in part have one sequence number: as a whole it counts as done. */
function isBehindUs(sequenceNumber: string, checkpoint: Checkpoint): boolean {
  return sequenceNumber === checkpoint.sequenceNumber
}
