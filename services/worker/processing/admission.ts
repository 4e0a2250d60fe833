import type { S3Client } from '@aws-sdk/client-s3'
import type { ObjectRef } from '../../uploads/records/record.ts'
import { createMemoryBudget } from './memory-budget.ts'
import { openSource, type SourceObject } from './source-object.ts'

/** An opened object that may be transformed now. */
export interface Admitted {
  source: SourceObject
  /** Closes the object and admits the next one. */
  close(): void
}

/** What an object needs while it is transformed. */
export interface Demand {
  /** Bytes of it that are held in memory. */
  bytes: number
  /** True if it is transformed in a process. */
  process: boolean
}

export interface AdmissionRequest {
  /** Owners take turns. Objects without a known owner share one turn. */
  owner?: string | undefined
  /** What the object needs according to its event. Checked again when the object is open. */
  expected?: Demand | undefined
  demandOf(source: SourceObject): Promise<Demand>
  signal: AbortSignal
  /** Called before each wait. */
  onWait?: (() => void) | undefined
}

/**
 * Opens an object once there is room to transform it.
 *
 * @throws as `openSource` does, and when the signal fires
 */
export type Admission = (object: ObjectRef, request: AdmissionRequest) => Promise<Admitted>

export interface AdmissionSettings {
  /** Maximum number of bytes that large objects hold at a time, over all shards of the worker. */
  largeObjectsBytes?: number | undefined
  /** Number of transform processes. */
  processes?: number | undefined
}

/** Eight objects in parts of the usual size hold this many bytes. */
export const LARGE_OBJECTS_BYTES = 192 * 1024 ** 2

/** Share of that memory that one owner may hold with more than one object. */
const OWNER_SHARE = 0.75

/** An object may have been replaced each time that it is opened. After this many times it gets all the memory and a process. */
const MAX_CHANGES = 3

const NOTHING: Demand = { bytes: 0, process: false }

/**
 * Small objects are admitted at once. Larger objects, and those that a transform holds whole, share a number of bytes over all shards
 * of the worker. Objects that are transformed in processes share these. The number of records in flight is no such limit: each lane
 * of each shard could have a large object. An object that waits holds neither a connection nor memory. Owners take turns.
 */
export function createAdmission(s3: S3Client, settings: AdmissionSettings = {}): Admission {
  const { largeObjectsBytes = LARGE_OBJECTS_BYTES, processes = Number.POSITIVE_INFINITY } = settings
  const memory = createMemoryBudget(largeObjectsBytes, largeObjectsBytes * OWNER_SHARE)
  const seats = createMemoryBudget(processes)

  /** Budgets are always taken in this order, so that no two objects wait for each other. */
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

  /** Takes what is missing if that needs no wait. Returns true if all of it was taken. */
  function holdMore(held: Array<() => void>, missing: Demand, owner: string | undefined): boolean {
    for (const { budget, amount } of wantedOf(missing)) {
      const now = budget.tryTake(amount, owner)
      if (!now) return false
      held.push(now)
    }
    return true
  }

  /** Opens the object. Resolves to what it needs if that is more than could be taken. */
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
      // The object is closed while it waits: S3 would close a connection from which nothing is read.
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

/** Gives back everything that is held. */
function release(held: Array<() => void>): void {
  for (const give of held.splice(0)) give()
}
