import { createHash, type Hash } from 'node:crypto'

/** Digests of uploads that are under way. More of them, and the oldest are computed by reading the object at its end. */
const MOST = 10_000

/**
 * The SHA-256 of what has arrived of each upload, as long as all of it came through this process. No state of a hash can be
 * handed to another process: of an upload that another has served in between, the object is read when it is whole.
 */
export interface RunningDigests {
  /** The hash of the first `offset` bytes, to go on with, or undefined where it is not known here. */
  at(uploadId: string, offset: number): Hash | undefined
  keep(uploadId: string, offset: number, hash: Hash): void
  drop(uploadId: string): void
}

export function createRunningDigests(most = MOST): RunningDigests {
  const kept = new Map<string, { offset: number; hash: Hash }>()
  return {
    at(uploadId, offset) {
      if (offset === 0) return createHash('sha256')
      const known = kept.get(uploadId)
      // A copy: what is added to it counts only once it is kept.
      return known?.offset === offset ? known.hash.copy() : undefined
    },
    keep(uploadId, offset, hash) {
      kept.delete(uploadId)
      kept.set(uploadId, { offset, hash })
      const [oldest] = kept.keys()
      if (kept.size > most && oldest !== undefined) kept.delete(oldest)
    },
    drop(uploadId) {
      kept.delete(uploadId)
    },
  }
}
