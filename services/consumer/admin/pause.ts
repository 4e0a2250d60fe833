import { PauseError } from '../errors.ts'
import type { Lease } from '../leases/lease.ts'
import type { LeaseStore } from '../leases/lease-store.ts'
import { onlyKnown } from '../option-checks.ts'
import {
  allPauses,
  decodePauses,
  encodePauses,
  entryOf,
  isBehind,
  mergePauses,
  nextVersion,
  onlyEntry,
  type Pause,
  type PauseEntry,
  type PauseState,
} from '../pausing/pause-state.ts'

/** A pause or a resume. */
export interface PauseRequest {
  /** The worker to pause or resume. If omitted, the whole application. */
  workerId?: string | undefined
  /** The name of the operator who pauses or resumes it. `status` shows it to others. 1 to 255 characters. */
  by: string
  /** Why. 1 to 1,000 characters. */
  reason: string
}

const NAMES: Record<keyof PauseRequest, true> = { workerId: true, by: true, reason: true }

/** The result of a pause or a resume. */
export interface PauseOutcome {
  /**
   * Every pause that applies now: that of the application first, then those of single workers. If another operator
   * wrote at the same time, theirs may apply.
   */
  pauses: readonly Pause[]
  /** False if `workerId` was given and no lease has this owner: the id may be wrong, or the worker has no lease now. */
  isWorkerKnown: boolean
  /** True if the worker, or the application if `workerId` was omitted, was paused by an operator before. */
  wasPaused: boolean
}

export interface PausePorts {
  store: Pick<LeaseStore, 'list' | 'get' | 'swap'>
  /** Epoch milliseconds. */
  wallClock: () => number
  /** Returns a unique id. */
  createId: () => string
}

/** Workers renew a lease between the read and the write of its row, but not ten times in a row. */
const MAX_ATTEMPTS = 10

/** The rows that workers create while the pause is written may lack it. */
const MAX_ROUNDS = 5

const MAX_BY = 255
const MAX_REASON = 1_000

/** More would make every row, and so every scan of the table, expensive. */
const MAX_PAUSED_WORKERS = 100

/**
 * Writes a pause or a resume into every row of the lease table. If this is interrupted, the workers complete it: each
 * reads all rows, follows the highest version, and updates the rows that lack it.
 *
 * A resume of what is not paused writes nothing.
 *
 * @throws PauseError if the application has no leases, or if a text is empty or too long; ConsumerOptionError if the
 *   request has an unknown name
 */
export async function writePause(
  paused: boolean,
  request: PauseRequest,
  { store, wallClock, createId }: PausePorts,
): Promise<PauseOutcome> {
  // A mistyped `workerId` would otherwise pause the whole application.
  const { workerId, by, reason } = onlyKnown(undefined, request, NAMES)
  checkText('workerId', workerId, MAX_BY)
  checkText('by', by, MAX_BY)
  checkText('reason', reason, MAX_REASON)
  const leases = await store.list({ consistent: true })
  if (leases.length === 0) {
    throw new PauseError('The application has no leases, so there is nowhere to write the pause. Start a worker first.')
  }
  const before = stateIn(leases)
  checkCount(paused, workerId, before)
  const isWorkerKnown = workerId === undefined || leases.some(({ leaseOwner }) => leaseOwner === workerId)
  const wasPaused = entryOf(before, workerId)?.paused === true
  if (!paused && !wasPaused) return { pauses: allPauses(before), isWorkerKnown, wasPaused }
  const entry: PauseEntry = {
    version: nextVersion(before),
    id: createId(),
    paused,
    by,
    reason,
    at: new Date(wallClock()).toISOString(),
  }
  const change = mergePauses([before, onlyEntry(workerId, entry)])
  let rows = leases
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const behind = rows.filter(({ pause }) => isBehind(decodePauses(pause), change))
    if (behind.length === 0) break
    for (const lease of behind) await writeRow(lease, change, store)
    rows = await store.list({ consistent: true })
  }
  return { pauses: allPauses(mergePauses([change, stateIn(rows)])), isWorkerKnown, wasPaused }
}

/** Returns the pauses that the rows of an application contain. */
export function pausesIn(leases: readonly Lease[]): Pause[] {
  return allPauses(stateIn(leases))
}

function stateIn(leases: readonly Lease[]): PauseState {
  return mergePauses(leases.map(({ pause }) => decodePauses(pause)))
}

/** Merges the change into one row. The condition of the write keeps what another operator has written meanwhile. */
async function writeRow(read: Lease, change: PauseState, store: PausePorts['store']): Promise<void> {
  let lease: Lease | undefined = read
  for (let attempt = 0; attempt < MAX_ATTEMPTS && lease; attempt++) {
    const merged = mergePauses([decodePauses(lease.pause), change])
    if (await store.swap(lease, { ...lease, pause: encodePauses(merged) })) return
    lease = await store.get(lease.leaseKey)
    if (lease && !isBehind(decodePauses(lease.pause), change)) return
  }
  // A deleted row needs no pause. A row that keeps changing is updated by the workers.
}

function checkText(name: string, value: string | undefined, max: number): void {
  if (value === undefined && name === 'workerId') return
  if (typeof value === 'string' && value.trim().length > 0 && value.length <= max) return
  throw new PauseError(`The ${name} of a pause must be a text of 1 to ${max} characters, and is '${value}'.`)
}

function checkCount(paused: boolean, workerId: string | undefined, state: PauseState): void {
  if (!paused || workerId === undefined || entryOf(state, workerId)?.paused) return
  const others = [...state.workers.values()].filter(entry => entry.paused)
  if (others.length < MAX_PAUSED_WORKERS) return
  throw new PauseError(`${others.length} workers are paused already. Resume some of them, or pause the application.`)
}
