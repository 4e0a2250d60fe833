import { hash } from 'node:crypto'
import { type HashRange, LAST_HASH_KEY } from '../shards/hash-range.ts'

interface Keys {
  readonly partitionKey: string
  readonly explicitHashKey: string | undefined
}

/**
 * Returns a function that tells whether Kinesis would have put a record with these keys into the shard. Every key is
 * inside an unknown range. Caches the latest partition keys, because the keys of an aggregate repeat.
 */
export function createRangeCheck({ startingHashKey, endingHashKey }: HashRange): (keys: Keys) => boolean {
  if (startingHashKey === undefined || endingHashKey === undefined) return () => true
  const [first, last] = [BigInt(startingHashKey), BigInt(endingHashKey)]
  if (first === 0n && last === LAST_HASH_KEY) return () => true
  const known = new Map<string, boolean>()
  const isInside = (hashKey: bigint) => hashKey >= first && hashKey <= last

  return ({ partitionKey, explicitHashKey }) => {
    if (explicitHashKey !== undefined) return DECIMAL.test(explicitHashKey) && isInside(BigInt(explicitHashKey))
    let inside = known.get(partitionKey)
    if (inside === undefined) {
      if (known.size >= KEYS_REMEMBERED) known.clear()
      inside = isInside(BigInt(`0x${hash('md5', partitionKey, 'hex')}`))
      known.set(partitionKey, inside)
    }
    return inside
  }
}

const DECIMAL = /^\d{1,39}$/
const KEYS_REMEMBERED = 1_024
