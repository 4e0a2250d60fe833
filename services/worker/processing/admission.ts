import type { S3Client } from '@aws-sdk/client-s3'
import type { ObjectRef } from '../../uploads/records/record.ts'
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
  process: boolean
}

export interface AdmissionRequest {
  /** Whose turn it is. Objects of no known owner share one. */
  owner?: string | undefined
  /** What the object needs by its event. What is not known by then is found out when the object is opened. */
  expected?: Demand | undefined
  demandOf(source: SourceObject): Promise<Demand>
  signal: AbortSignal
  /** Called before each wait. */
  onWait?: (() => void) | undefined
}

/**
 * Opens an object once there is room for what is made of it.
 *
 * @throws as `openSource` does, and when the signal fires
 */
export type Admission = (object: ObjectRef, request: AdmissionRequest) => Promise<Admitted>

export interface AdmissionSettings {
  /** Bytes that large objects may hold at a time, over all shards of the worker. */
  largeObjectsBytes?: number | undefined
  /** How many threads there are. */
  processes?: number | undefined
}

/** What eight objects in parts of the usual size hold. */
export const LARGE_OBJECTS_BYTES = 192 * 1024 ** 2

/** Of that memory, what one owner may hold as long as it is more than one object. */
const OWNER_SHARE = 0.75

/** An object may be another one whenever it is opened. After so many times, it gets all that there is. */
const MAX_CHANGES = 3

const NOTHING: Demand = { bytes: 0, process: false }

/**
 * Small objects pass freely; larger ones and those that are held whole share so many bytes over all shards of the worker, and
 * those that are transformed on threads share these. The number of records under way does not bound them: every lane of every
 * shard could have one. Who waits holds neither connection nor memory, and owners take turns.
 */
export function createAdmission(s3: S3Client, settings: AdmissionSettings = {}): Admission {
  const { largeObjectsBytes = LARGE_OBJECTS_BYTES, processes = Number.POSITIVE_INFINITY } = settings
  const memory = createMemoryBudget(largeObjectsBytes, largeObjectsBytes * OWNER_SHARE)
  const seats = createMemoryBudget(processes)

  /** Always in this order: no two wait for what the other holds. */
  const wantedOf = ({ bytes, process }: Demand) => [
    ...(process ? [{ budget: seats, amount: 1 }] : []),
    ...(bytes > 0 ? [{ budget: memory, amount: bytes }] : []),
  ]

  async function hold(demand: Demand, { signal, owner, onWait }: AdmissionRequest): Promise<Array<() => void>> {
    const held: Array<() => void> = []
    try {
      for (const { budget, amount } of wantedOf(demand)) {
        const now = budget.tryTake(amount, owner)
        if (!now) onWait?.()
        held.push(now ?? (await budget.take(amount, signal, owner)))
      }
      return held
    } catch (error) {
      release(held)
      throw error
    }
  }

  /** Takes what is missing where that needs no wait. Returns whether it is all there. */
  function holdMore(held: Array<() => void>, missing: Demand, owner: string | undefined): boolean {
    for (const { budget, amount } of wantedOf(missing)) {
      const now = budget.tryTake(amount, owner)
      if (!now) return false
      held.push(now)
    }
    return true
  }

  /** Resolves to what the object needs where that is more than what is held. */
  async function tryOpen(
    object: ObjectRef,
    demand: Demand,
    request: AdmissionRequest,
  ): Promise<{ admitted: Admitted } | { needed: Demand }> {
    const held = await hold(demand, request)
    let source: SourceObject | undefined
    try {
      source = await openSource(s3, object, request.signal)
      const needed = await request.demandOf(source)
      const missing = {
        bytes: Math.max(0, Math.min(needed.bytes, largeObjectsBytes) - demand.bytes),
        process: needed.process && !demand.process,
      }
      if (holdMore(held, missing, request.owner)) return { admitted: admittedOf(source, held) }
      // Closed while it waits: a connection on which nothing is read would be given up as dead.
      source.body.destroy()
      release(held)
      return { needed }
    } catch (error) {
      source?.body.destroy()
      release(held)
      throw error
    }
  }

  return async (object, request) => {
    let demand = request.expected ?? NOTHING
    for (let changes = 1; ; changes++) {
      const result = await tryOpen(object, demand, request)
      if ('admitted' in result) return result.admitted
      const { bytes, process } = result.needed
      demand =
        changes < MAX_CHANGES
          ? { bytes: Math.max(bytes, demand.bytes), process: process || demand.process }
          : { bytes: largeObjectsBytes, process: true }
    }
  }
}

function admittedOf(source: SourceObject, held: Array<() => void>): Admitted {
  return {
    source,
    close() {
      source.body.destroy()
      release(held)
    },
  }
}

/** Gives everything back, once. */
function release(held: Array<() => void>): void {
  for (const give of held.splice(0)) give()
}
