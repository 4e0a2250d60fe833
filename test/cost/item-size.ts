import type { AttributeValue } from '@aws-sdk/client-dynamodb'

/** Bytes of a write unit of DynamoDB. */
export const UNIT = 1_024

/**
 * Returns the size of an item in bytes, by DynamoDB's rules.
 *
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
 */
export function sizeOf(item: Record<string, AttributeValue>): number {
  return Object.entries(item).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + sizeOfValue(value), 0)
}

function sizeOfValue(value: AttributeValue): number {
  if (value.S !== undefined) return Buffer.byteLength(value.S)
  if (value.N !== undefined) return Math.ceil(value.N.replace(/\D/g, '').length / 2) + 1
  if (value.M !== undefined) return 3 + Object.keys(value.M).length + sizeOf(value.M)
  if (value.L !== undefined) return value.L.reduce((sum, one) => sum + 1 + sizeOfValue(one), 3)
  return 1
}
