import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import { LeaseRowError, LeaseTableError } from '../errors.ts'
import type { Lease } from './lease.ts'

export type Item = Record<string, AttributeValue>

/**
 * The attribute of each field of a lease in KCL's table. Attributes that begin with headgate are Headgate's own; KCL
 * leaves them alone.
 */
export const ATTRIBUTES = {
  leaseOwner: 'leaseOwner',
  leaseCounter: 'leaseCounter',
  checkpoint: 'checkpoint',
  subSequenceNumber: 'checkpointSubSequenceNumber',
  ownerSwitchesSinceCheckpoint: 'ownerSwitchesSinceCheckpoint',
  parentShardIds: 'parentShardId',
  childShardIds: 'childShardIds',
  startingHashKey: 'startingHashKey',
  endingHashKey: 'endingHashKey',
  checkpointOwner: 'checkpointOwner',
  session: 'headgateSession',
  startAt: 'headgateStartAt',
  shardStart: 'headgateShardStart',
  requestedBy: 'headgateRequestedBy',
  pause: 'headgatePause',
  notice: 'headgateNotice',
  availableCounter: 'headgateAvailableCounter',
} as const

export const LEASE_KEY = 'leaseKey'

/** Attributes of KCL's two-phase checkpoint. Writing a checkpoint removes them. */
export const PENDING_CHECKPOINT = [
  'pendingCheckpoint',
  'pendingCheckpointSubSequenceNumber',
  'pendingCheckpointState',
] as const

/** Returns the attributes of a lease, without its key and without absent values. */
export function toAttributes(lease: Lease): Item {
  const item: Item = {}
  const put = (name: string, value: AttributeValue | undefined) => {
    if (value) item[name] = value
  }
  put(ATTRIBUTES.leaseOwner, string(lease.leaseOwner))
  put(ATTRIBUTES.leaseCounter, number(lease.leaseCounter))
  put(ATTRIBUTES.checkpoint, string(lease.checkpoint.sequenceNumber))
  put(ATTRIBUTES.subSequenceNumber, number(lease.checkpoint.subSequenceNumber))
  put(ATTRIBUTES.ownerSwitchesSinceCheckpoint, number(lease.ownerSwitchesSinceCheckpoint))
  put(ATTRIBUTES.parentShardIds, set(lease.parentShardIds))
  put(ATTRIBUTES.childShardIds, set(lease.childShardIds))
  put(ATTRIBUTES.startingHashKey, string(lease.startingHashKey))
  put(ATTRIBUTES.endingHashKey, string(lease.endingHashKey))
  put(ATTRIBUTES.checkpointOwner, string(lease.checkpointOwner))
  put(ATTRIBUTES.session, string(lease.session))
  put(ATTRIBUTES.startAt, number(lease.startAt))
  put(ATTRIBUTES.shardStart, string(lease.shardStart))
  put(ATTRIBUTES.requestedBy, string(lease.requestedBy))
  put(ATTRIBUTES.pause, string(lease.pause))
  put(ATTRIBUTES.notice, string(lease.notice))
  put(ATTRIBUTES.availableCounter, number(lease.availableCounter))
  return item
}

/**
 * Reads a row. Returns undefined if the row is not a lease: KCL 3.5 keeps other rows in the same table.
 *
 * @throws LeaseTableError if the row has no lease key, because the table has another key then; LeaseRowError if a lease row has no
 *   counter or checkpoint
 */
export function fromItem(item: Item): Lease | undefined {
  if (!isLease(item)) return undefined
  const leaseKey = item[LEASE_KEY]?.S
  const counter = item[ATTRIBUTES.leaseCounter]?.N
  const checkpoint = item[ATTRIBUTES.checkpoint]?.S
  if (!leaseKey) throw new LeaseTableError(`The table is not a lease table: its rows have no '${LEASE_KEY}'.`)
  if (!counter || !checkpoint) throw new LeaseRowError(leaseKey)
  const numberOf = (name: string) => (item[name]?.N === undefined ? undefined : Number(item[name].N))
  return {
    leaseKey,
    leaseOwner: item[ATTRIBUTES.leaseOwner]?.S,
    leaseCounter: Number(counter),
    checkpoint: {
      sequenceNumber: checkpoint,
      subSequenceNumber: Number(item[ATTRIBUTES.subSequenceNumber]?.N ?? 0),
    },
    ownerSwitchesSinceCheckpoint: Number(item[ATTRIBUTES.ownerSwitchesSinceCheckpoint]?.N ?? 0),
    parentShardIds: item[ATTRIBUTES.parentShardIds]?.SS ?? [],
    childShardIds: item[ATTRIBUTES.childShardIds]?.SS ?? [],
    startingHashKey: item[ATTRIBUTES.startingHashKey]?.S,
    endingHashKey: item[ATTRIBUTES.endingHashKey]?.S,
    checkpointOwner: item[ATTRIBUTES.checkpointOwner]?.S,
    session: item[ATTRIBUTES.session]?.S,
    startAt: numberOf(ATTRIBUTES.startAt),
    shardStart: item[ATTRIBUTES.shardStart]?.S,
    requestedBy: item[ATTRIBUTES.requestedBy]?.S,
    pause: item[ATTRIBUTES.pause]?.S,
    notice: item[ATTRIBUTES.notice]?.S,
    availableCounter: numberOf(ATTRIBUTES.availableCounter),
  }
}

/** Attributes of KCL in a table that several streams share. `streamName` contains the identifier of the stream. */
export const STREAM_IDENTIFIER = 'streamName'
const SHARD_ID = 'shardId'

/** Returns the key of a row, and the attributes that name the shard in it. */
export function namesOf(shardId: string, streamIdentifier: string | undefined): { key: Item; names: Item } {
  if (streamIdentifier === undefined) return { key: { [LEASE_KEY]: { S: shardId } }, names: {} }
  return {
    key: { [LEASE_KEY]: { S: `${streamIdentifier}:${shardId}` } },
    names: { [STREAM_IDENTIFIER]: { S: streamIdentifier }, [SHARD_ID]: { S: shardId } },
  }
}

/**
 * Reads a row of a stream. Returns undefined if the row is not a lease, or is one of another stream.
 *
 * @param streamIdentifier undefined if the table has the leases of one stream
 * @throws LeaseRowError if the row is invalid; LeaseTableError if its lease key has the other format: workers with
 *   different lease keys would read every shard twice
 */
export function leaseOfStream(item: Item, streamIdentifier: string | undefined): Lease | undefined {
  if (!isLease(item)) return undefined
  const identifier = item[STREAM_IDENTIFIER]?.S
  if (identifier === streamIdentifier) {
    const lease = fromItem(item)
    const shardId = item[SHARD_ID]?.S
    return lease && identifier !== undefined && shardId ? { ...lease, leaseKey: shardId } : lease
  }
  if (identifier !== undefined && streamIdentifier !== undefined) return undefined
  const row = item[LEASE_KEY]?.S ?? '?'
  throw new LeaseTableError(
    identifier === undefined
      ? `The row '${row}' belongs to an application with one stream. Omit the option 'leaseTable.streamIdentifier', or use another table.`
      : `The row '${row}' belongs to a table that several streams share. Set the option 'leaseTable.streamIdentifier', such as '${identifier}', or use another table.`,
  )
}

function isLease({ entityType }: Item): boolean {
  return entityType?.S === undefined || entityType.S === 'LEASE'
}

const string = (value: string | undefined) => (value === undefined ? undefined : { S: value })
const number = (value: number | undefined) => (value === undefined ? undefined : { N: String(value) })
const set = (value: readonly string[]) => (value.length === 0 ? undefined : { SS: [...value] })
