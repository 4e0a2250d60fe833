import { compareCheckpoints, isShardEnd } from '../../services/consumer/checkpoint.ts'
import type { LeaseTable } from './dynamodb-model.ts'
import type { Invariants } from './invariants.ts'
import type { KinesisModel } from './kinesis-model.ts'
import type { Ledger } from './ledger.ts'

export interface StreamState {
  readonly kinesis: KinesisModel
  readonly table: LeaseTable
  readonly ledger: Ledger
  readonly invariants: Pick<Invariants, 'covers'>
}

/**
 * Returns what is missing until every record of a stream is handled and its leases are stable; undefined if nothing is.
 *
 * @param workers ids of the workers that run
 */
export function unfinishedOf(
  { kinesis, table, ledger, invariants }: StreamState,
  workers: ReadonlySet<string>,
): string | undefined {
  for (const record of ledger.all()) {
    if (!ledger.isSettled(record))
      return `${record.partitionKey}#${record.keyIndex} of ${record.shardId} is not handled`
  }
  for (const shard of kinesis.shards) {
    const lease = table.get(shard.shardId)
    if (!lease) {
      if (shard.closedAt === undefined) return `${shard.shardId} has no lease`
      continue
    }
    if (isShardEnd(lease.checkpoint)) continue
    if (shard.closedAt !== undefined) return `${shard.shardId} is closed, but not at SHARD_END`
    if (!lease.leaseOwner || !workers.has(lease.leaseOwner)) return `${shard.shardId} is nobody's`
    const last = ledger
      .ofShard(shard.shardId)
      .findLast(record => (record.handled || record.deadLettered) && !record.trimmed)
    if (last && compareCheckpoints(lease.checkpoint, last.position) < 0) return `${shard.shardId} is not checkpointed`
  }
  return invariants.covers() ? undefined : 'the leases do not cover the hash space'
}
