import type { S3Client } from '@aws-sdk/client-s3'
import type { ObjectRef } from '../uploads/record.ts'
import { createMemoryBudget } from './memory-budget.ts'
import { bytesHeld } from './processed-object.ts'
import { openSource, type SourceObject } from './source-object.ts'

/** A source that may be transformed now. */
export interface Admitted {
  source: SourceObject
  /** Closes the source and lets the next one in. */
  close(): void
}

/** Opens an object once there is memory for what is made of it. @throws as `openSource` does, and when the signal fires */
export type Admission = (object: ObjectRef, signal: AbortSignal) => Promise<Admitted>

/** What eight objects in parts of the usual size hold. */
export const LARGE_OBJECTS_BYTES = 192 * 1024 ** 2

/**
 * Small objects pass freely; large ones, which are written in parts, share so many bytes over all shards of the worker. The
 * number of records under way does not bound them: every lane of every shard could have one.
 */
export function createAdmission(s3: S3Client, largeObjectsBytes = LARGE_OBJECTS_BYTES): Admission {
  const budget = createMemoryBudget(largeObjectsBytes)

  const admitted = (source: SourceObject, free: () => void): Admitted => ({
    source,
    close() {
      source.body.destroy()
      free()
    },
  })

  return async (object, signal) => {
    const source = await openSource(s3, object, signal)
    const bytes = bytesHeld(source.size)
    if (bytes === 0) return admitted(source, () => undefined)
    const free = budget.tryTake(bytes)
    if (free) return admitted(source, free)
    // Closed while it waits: a connection on which nothing is read would be given up as dead.
    source.body.destroy()
    const freeLater = await budget.take(bytes, signal)
    try {
      return admitted(await openSource(s3, object, signal), freeLater)
    } catch (error) {
      freeLater()
      throw error
    }
  }
}
