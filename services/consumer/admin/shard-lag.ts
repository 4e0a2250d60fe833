import type { Checkpoint } from '../checkpoint.ts'
import type { Clock } from '../clock.ts'
import { startPosition } from '../fetching/position.ts'
import { isOpen, type Lease } from '../leases/lease.ts'
import { classifyReadError, type RecordsReply, type StreamReader } from '../stream.ts'

/** How far a shard is behind, according to the stream. */
export interface ShardLag {
  /**
   * Arrival time of the record at the checkpoint, by the clock of Kinesis; undefined if there is none or it was
   * trimmed.
   */
  doneUpTo: Date | undefined
  /** Arrival time of the first record after the checkpoint; undefined if none waits. */
  oldestWaiting: Date | undefined
  /** How far the checkpoint is behind the tip, in milliseconds; 0 if no record waits. */
  millisBehindLatest: number
  /**
   * True if the checkpoint is older than the oldest record of the stream, or the stream no longer has the shard. The
   * records in between are lost.
   */
  isTrimmed: boolean
}

export interface LagSettings {
  stream: Pick<StreamReader, 'getIterator' | 'getRecords'>
  clock: Clock
}

/** Kinesis allows 5 GetRecords a second per shard, and the workers need some of them. */
const CALL_INTERVAL_MS = 250

/** Kinesis may return an empty reply although there are later records. */
const MAX_CALLS = 20

/** The record at the checkpoint and the next one. */
const ENOUGH = 2

/**
 * Asks the stream how far a lease is behind. Uses some of the read capacity of the shard: the bytes of two records and
 * usually one call.
 *
 * @throws the error of Kinesis, except for a trimmed checkpoint
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

/** The records inside an aggregated record share one sequence number. A partly processed aggregate counts as done. */
function isBehindUs(sequenceNumber: string, checkpoint: Checkpoint): boolean {
  return sequenceNumber === checkpoint.sequenceNumber
}
