import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import type { Lease } from '../../services/consumer/leases/lease.ts'
import { LEASE_KEY, toAttributes } from '../../services/consumer/leases/lease-item.ts'

/** On-demand prices of DynamoDB in us-east-1, in dollars per request unit. */
export const DOLLARS_PER_READ_UNIT = 0.125 / 1e6
export const DOLLARS_PER_WRITE_UNIT = 0.625 / 1e6
export const SECONDS_PER_MONTH = 730 * 3_600

const READ_UNIT_BYTES = 4_096

/** Returns the size of a row as DynamoDB charges it: the UTF-8 names and values of all attributes. */
export function rowBytes(lease: Lease): number {
  const item = { [LEASE_KEY]: { S: lease.leaseKey }, ...toAttributes(lease) }
  return Object.entries(item).reduce((sum, [name, value]) => sum + name.length + valueBytes(value), 0)
}

/** Numbers take about a byte for two digits, and one more. */
function valueBytes({ S, N, SS }: AttributeValue): number {
  if (S !== undefined) return Buffer.byteLength(S)
  if (N !== undefined) return Math.ceil(N.length / 2) + 1
  return (SS ?? []).reduce((sum, text) => sum + Buffer.byteLength(text), 3)
}

/** Returns the request units of a read. An eventually consistent one costs half. A read of nothing costs as one row. */
export function readUnits(bytes: number, consistent: boolean): number {
  return Math.max(1, Math.ceil(bytes / READ_UNIT_BYTES)) * (consistent ? 1 : 0.5)
}

/** Returns what request units a second cost in a month. */
export function dollarsPerMonth(perSecond: { reads: number; writes: number }): number {
  const { reads, writes } = perSecond
  return (reads * DOLLARS_PER_READ_UNIT + writes * DOLLARS_PER_WRITE_UNIT) * SECONDS_PER_MONTH
}
