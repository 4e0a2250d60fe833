/** One pause or resume, as an operator wrote it. */
export interface PauseEntry {
  /** Of two entries with the same target, the one with the higher version applies. */
  readonly version: number
  /** Decides between two entries of the same version, which two operators wrote at the same time. */
  readonly id: string
  readonly paused: boolean
  readonly by: string
  readonly reason: string
  /** ISO 8601, by the clock of the operator. */
  readonly at: string
}

/** All pauses of an application. Each lease row has a copy, see `mergePauses`. */
export interface PauseState {
  readonly application: PauseEntry | undefined
  /** By worker id. */
  readonly workers: ReadonlyMap<string, PauseEntry>
}

/** A pause that applies now. */
export interface Pause {
  /**
   * `application`: an operator paused every worker. `worker`: an operator paused one worker. `process`: the program
   * called `consumer.pause()`.
   */
  readonly scope: 'application' | 'worker' | 'process'
  /** The paused worker; undefined if the whole application is paused. */
  readonly workerId: string | undefined
  /** Who paused it. */
  readonly by: string
  /** Why it was paused. */
  readonly reason: string
  /** When it was paused, by the clock of the operator's machine. */
  readonly at: Date
}

export const NO_PAUSES: PauseState = Object.freeze({ application: undefined, workers: new Map() })

/**
 * Number of resumed workers that are remembered. An entry is forgotten long after every copy of the older pause is
 * gone, so that rows do not grow with every worker that was ever paused.
 */
const MAX_RESUMED_WORKERS = 20

/**
 * Merges copies of the state: for each target, the entry with the highest version applies. The order and the number of
 * the copies make no difference, so copies that were written partly, late or twice converge.
 */
export function mergePauses(states: readonly PauseState[]): PauseState {
  let application: PauseEntry | undefined
  const workers = new Map<string, PauseEntry>()
  for (const state of states) {
    application = laterOf(application, state.application)
    for (const [workerId, entry] of state.workers) {
      const later = laterOf(workers.get(workerId), entry)
      if (later) workers.set(workerId, later)
    }
  }
  return { application, workers: withoutOldResumes(workers) }
}

/** Returns true if `state` lacks an entry of `merged`, or has an older one. */
export function isBehind(state: PauseState, merged: PauseState): boolean {
  if (isLater(merged.application, state.application)) return true
  for (const [workerId, entry] of merged.workers) if (isLater(entry, state.workers.get(workerId))) return true
  return false
}

/** Returns the version for the next entry. */
export function nextVersion({ application, workers }: PauseState): number {
  return Math.max(application?.version ?? 0, ...[...workers.values()].map(({ version }) => version)) + 1
}

/** Returns the entry of a worker, or that of the application if `workerId` is undefined. */
export function entryOf(state: PauseState, workerId: string | undefined): PauseEntry | undefined {
  return workerId === undefined ? state.application : state.workers.get(workerId)
}

/** Returns a state with only this entry, to be merged with the others. */
export function onlyEntry(workerId: string | undefined, entry: PauseEntry): PauseState {
  if (workerId === undefined) return { application: entry, workers: new Map() }
  return { application: undefined, workers: new Map([[workerId, entry]]) }
}

/** Returns the pause that applies to a worker: that of the application first. */
export function pauseOf({ application, workers }: PauseState, workerId: string): Pause | undefined {
  if (application?.paused) return toPause(undefined, application)
  const entry = workers.get(workerId)
  return entry?.paused ? toPause(workerId, entry) : undefined
}

/** Returns every pause that applies: that of the application first, then those of single workers. */
export function allPauses({ application, workers }: PauseState): Pause[] {
  const ofWorkers = [...workers].filter(([, { paused }]) => paused)
  return [
    ...(application?.paused ? [toPause(undefined, application)] : []),
    ...ofWorkers.map(([workerId, entry]) => toPause(workerId, entry)),
  ]
}

export function encodePauses({ application, workers }: PauseState): string {
  return JSON.stringify({ application, workers: Object.fromEntries(workers) })
}

/** Reads the state of a row. A text that nobody here wrote counts as no pause, so that it cannot stop the workers. */
export function decodePauses(text: string | undefined): PauseState {
  if (text === undefined) return NO_PAUSES
  try {
    const parsed: unknown = JSON.parse(text)
    if (!isObject(parsed)) return NO_PAUSES
    const { application, workers } = parsed
    const entries = isObject(workers) ? Object.entries(workers) : []
    return {
      application: isEntry(application) ? application : undefined,
      workers: new Map(entries.filter((pair): pair is [string, PauseEntry] => isEntry(pair[1]))),
    }
  } catch {
    return NO_PAUSES // Not JSON.
  }
}

function toPause(workerId: string | undefined, { by, reason, at }: PauseEntry): Pause {
  return { scope: workerId === undefined ? 'application' : 'worker', workerId, by, reason, at: new Date(at) }
}

function laterOf(a: PauseEntry | undefined, b: PauseEntry | undefined): PauseEntry | undefined {
  return isLater(b, a) ? b : a
}

function isLater(a: PauseEntry | undefined, b: PauseEntry | undefined): boolean {
  if (!a || !b) return a !== undefined
  return a.version === b.version ? a.id > b.id : a.version > b.version
}

function withoutOldResumes(workers: ReadonlyMap<string, PauseEntry>): ReadonlyMap<string, PauseEntry> {
  const resumed = [...workers].filter(([, { paused }]) => !paused)
  if (resumed.length <= MAX_RESUMED_WORKERS) return workers
  resumed.sort(([, a], [, b]) => (isLater(a, b) ? -1 : 1))
  const old = new Set(resumed.slice(MAX_RESUMED_WORKERS).map(([workerId]) => workerId))
  return new Map([...workers].filter(([workerId]) => !old.has(workerId)))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function isEntry(value: unknown): value is PauseEntry {
  if (!isObject(value)) return false
  const { version, id, paused, by, reason, at } = value
  const isText = [id, by, reason].every(text => typeof text === 'string')
  const isTime = typeof at === 'string' && !Number.isNaN(Date.parse(at))
  return Number.isSafeInteger(version) && typeof paused === 'boolean' && isText && isTime
}
