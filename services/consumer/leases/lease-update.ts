import { isDeepStrictEqual } from 'node:util'
import { compareCheckpoints } from '../checkpoint.ts'
import type { Lease } from './lease.ts'
import { ATTRIBUTES, type Item, PENDING_CHECKPOINT, toAttributes } from './lease-item.ts'

export interface SwapExpression {
  UpdateExpression: string
  ConditionExpression: string
  ExpressionAttributeNames: Record<string, string>
  ExpressionAttributeValues: Item
}

/**
 * The attributes that fence a write: the row must still have the counter (KCL's own condition), the owner and the
 * checkpoint with which it was read. The owner and the checkpoint stop a worker whose lease was handed over without a
 * change of the counter, as KCL 3.x does, and keep a checkpoint from moving backward. The session separates two workers
 * with one id whose counters are equal because the row was deleted and created again.
 */
const FENCE = ['leaseCounter', 'leaseOwner', 'headgateSession', 'checkpoint', 'checkpointOwner']

/**
 * Returns the condition that a row is unchanged.
 *
 * @param further attributes that must also be unchanged
 */
export function fence(row: Lease, further: readonly string[] = []): Omit<SwapExpression, 'UpdateExpression'> {
  const attributes = toAttributes(row)
  const fenced = [...FENCE, ...further]
  const conditions = fenced.map(name =>
    attributes[name] ? `#${name} = :old_${name}` : `attribute_not_exists(#${name})`,
  )
  return {
    ConditionExpression: conditions.join(' AND '),
    ExpressionAttributeNames: Object.fromEntries(fenced.map(name => [`#${name}`, name])),
    ExpressionAttributeValues: Object.fromEntries(
      fenced.flatMap(name => (attributes[name] ? [[`:old_${name}`, attributes[name]]] : [])),
    ),
  }
}

/**
 * Returns the update that turns one row into the other. It writes only attributes that differ, and leaves unknown
 * attributes alone.
 */
export function swapExpression(previous: Lease, next: Lease): SwapExpression {
  const before = toAttributes(previous)
  const after = toAttributes(next)
  const changed = Object.entries(after).filter(([name, value]) => !isDeepStrictEqual(before[name], value))
  const removed = Object.keys(before).filter(name => !after[name])
  const movesCheckpoint = compareCheckpoints(next.checkpoint, previous.checkpoint) !== 0
  const removes = [...removed, ...(movesCheckpoint ? PENDING_CHECKPOINT : [])]

  const set = changed.map(([name]) => `#${name} = :new_${name}`).join(', ')
  const remove = removes.map(name => `#${name}`).join(', ')
  const names = [...changed.map(([name]) => name), ...removes].map(name => [`#${name}`, name])
  const values = changed.map(([name, value]) => [`:new_${name}`, value])
  // Two operators, or an operator and a worker, may write the pauses of a row at the same counter. Two workers may request
  // a lease at the same counter.
  const isRequest = next.requestedBy !== undefined && next.requestedBy !== previous.requestedBy
  const condition = fence(previous, [
    ...(next.pause === previous.pause ? [] : [ATTRIBUTES.pause]),
    ...(isRequest ? [ATTRIBUTES.requestedBy] : []),
  ])
  return {
    UpdateExpression: [set && `SET ${set}`, remove && `REMOVE ${remove}`].filter(Boolean).join(' '),
    ConditionExpression: condition.ConditionExpression,
    ExpressionAttributeNames: { ...condition.ExpressionAttributeNames, ...Object.fromEntries(names) },
    ExpressionAttributeValues: { ...condition.ExpressionAttributeValues, ...Object.fromEntries(values) },
  }
}
