import { isDeepStrictEqual } from 'node:util'
import { compareCheckpoints } from '../checkpoint.ts'
import type { Lease } from './lease.ts'
import { type Item, PENDING_CHECKPOINT, toAttributes } from './lease-item.ts'

export interface SwapExpression {
  UpdateExpression: string
  ConditionExpression: string
  ExpressionAttributeNames: Record<string, string>
  ExpressionAttributeValues: Item
}

/**
 * What makes a write fenced: the row must still be at the counter it was read at (KCL's own condition), in the same hands
 * and at the same checkpoint. The last two hold a worker off that hands leases over without touching the counter, as KCL
 * 3.x does, and keep a checkpoint from ever going backward in the table itself.
 */
const FENCE = ['leaseCounter', 'leaseOwner', 'checkpoint', 'checkpointOwner']

/** The update that turns one row into the other: it writes what differs and touches nothing that it does not know. */
export function swapExpression(previous: Lease, next: Lease): SwapExpression {
  const before = toAttributes(previous)
  const after = toAttributes(next)
  const names: Record<string, string> = {}
  const values: Item = {}
  const name = (attribute: string) => {
    names[`#${attribute}`] = attribute
    return `#${attribute}`
  }
  const value = (prefix: string, attribute: string, item: Item) => {
    const placeholder = `:${prefix}_${attribute}`
    const content = item[attribute]
    if (content) values[placeholder] = content
    return placeholder
  }

  const conditions = FENCE.map(attribute => {
    if (before[attribute]) return `${name(attribute)} = ${value('old', attribute, before)}`
    return `attribute_not_exists(${name(attribute)})`
  })
  const changed = Object.keys(after).filter(attribute => !isDeepStrictEqual(before[attribute], after[attribute]))
  const sets = changed.map(attribute => `${name(attribute)} = ${value('new', attribute, after)}`)
  const removed = Object.keys(before).filter(attribute => !after[attribute])
  const advances = compareCheckpoints(next.checkpoint, previous.checkpoint) > 0
  const removes = [...removed, ...(advances ? PENDING_CHECKPOINT : [])].map(name)

  return {
    UpdateExpression: `SET ${sets.join(', ')}${removes.length > 0 ? ` REMOVE ${removes.join(', ')}` : ''}`,
    ConditionExpression: conditions.join(' AND '),
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: values,
  }
}
