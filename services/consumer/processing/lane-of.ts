const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

/** Returns a 32-bit hash of a key, evenly distributed. The same key always has the same hash. FNV-1a. */
export function hashOf(key: string): number {
  let hash = FNV_OFFSET
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), FNV_PRIME)
  return hash >>> 0
}

/**
 * The key of jobs without one. No partition key of Kinesis is empty. Jobs without a key have no order, so each of them
 * may run at any time.
 */
export const NO_KEY = ''

/** Returns the lane of a key. */
export function laneOf(key: string, lanes: number): number {
  return lanes === 1 ? 0 : hashOf(key) % lanes
}
