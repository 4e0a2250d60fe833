import type { S3Client } from '@aws-sdk/client-s3'
import type { ObjectRef } from '../uploads/record.ts'
import { createMemoryBudget } from './memory-budget.ts'
import { openSource, type SourceObject } from './source-object.ts'

/** A source that may be transformed now. */
export interface Admitted {
  source: SourceObject
  /** Closes the source and lets the next one in. */
  close(): void
}

/** What an object needs while it is transformed, beside the streams. */
export interface Demand {
  /** Bytes that are held of it in memory. */
  bytes: number
  /** Whether it is transformed on a thread. */
  thread: boolean
}

/**
 * Opens an object once there is room for what is made of it.
 *
 * @throws as `openSource` does, and when the signal fires
 */
export type Admission = (
  object: ObjectRef,
  demandOf: (source: SourceObject) => Demand,
  signal: AbortSignal,
) => Promise<Admitted>

export interface AdmissionSettings {
  /** Bytes that large objects may hold at a time, over all shards of the worker. */
  largeObjectsBytes?: number | undefined
  /** How many threads there are. */
  threads?: number | undefined
}

/** What eight objects in parts of the usual size hold. */
export const LARGE_OBJECTS_BYTES = 192 * 1024 ** 2

/**
 * Small objects pass freely; large ones, which are written in parts, and those that are held whole share so many bytes over all
 * shards of the worker, and those that are transformed on threads share these. The number of records under way does not
 * bound them: every lane of every shard could have one.
 */
export function createAdmission(s3: S3Client, settings: AdmissionSettings = {}): Admission {
  const { largeObjectsBytes = LARGE_OBJECTS_BYTES, threads = Number.POSITIVE_INFINITY } = settings
  const memory = createMemoryBudget(largeObjectsBytes)
  const seats = createMemoryBudget(threads)

  const admitted = (source: SourceObject, free: () => void): Admitted => ({
    source,
    close() {
      source.body.destroy()
      free()
    },
  })

  return async (object, demandOf, signal) => {
    const source = await openSource(s3, object, signal)
    const held: Array<() => void> = []
    const free = () => {
      for (const give of held.splice(0)) give()
    }
    let isOpen = true
    try {
      const { bytes, thread } = demandOf(source)
      const wanted = [
        ...(thread ? [{ budget: seats, amount: 1 }] : []),
        ...(bytes > 0 ? [{ budget: memory, amount: bytes }] : []),
      ]
      // Always in this order: no two wait for what the other holds.
      for (const { budget, amount } of wanted) {
        const now = budget.tryTake(amount)
        // Closed while it waits: a connection on which nothing is read would be given up as dead.
        if (!now && isOpen) {
          isOpen = false
          source.body.destroy()
        }
        held.push(now ?? (await budget.take(amount, signal)))
      }
      return admitted(isOpen ? source : await openSource(s3, object, signal), free)
    } catch (error) {
      source.body.destroy()
      free()
      throw error
    }
  }
}
