import { createHash, type Hash } from 'node:crypto'

/** Maximum number of uploads in flight whose digest is kept. The digest of an older one is computed by reading its object. */
const MAX_DIGESTS = 10_000

/**
 * The SHA-256 of the bytes that have arrived of each upload, if all of them passed through this process. The state of a hash
 * can't be sent to another process. If several processes served an upload, its object is read once it is complete.
 */
export class RunningDigests {
  readonly #kept = new Map<string, { offset: number; hash: Hash }>()

  /** Returns the hash of the first `offset` bytes, to be continued. Returns undefined if this process does not know it. */
  at(uploadId: string, offset: number): Hash | undefined {
    if (offset === 0) return createHash('sha256')
    const known = this.#kept.get(uploadId)
    // A copy, because bytes that are added to the hash count only once they are kept.
    return known?.offset === offset ? known.hash.copy() : undefined
  }

  keep(uploadId: string, offset: number, hash: Hash): void {
    this.#kept.delete(uploadId)
    this.#kept.set(uploadId, { offset, hash })
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > MAX_DIGESTS && oldest !== undefined) this.#kept.delete(oldest)
  }

  drop(uploadId: string): void {
    this.#kept.delete(uploadId)
  }
}
