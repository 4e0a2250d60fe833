const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

/** A number of 32 bits for a key, always the same one, and evenly spread over all of them. FNV-1a. */
export function hashOf(key: string): number {
  let hash = FNV_OFFSET
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), FNV_PRIME)
  return hash >>> 0
}

/** Which of so many lanes a key belongs to. */
export function laneOf(key: string, lanes: number): number {
  return lanes === 1 ? 0 : hashOf(key) % lanes
}
