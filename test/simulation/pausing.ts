import { writePause } from '../../services/consumer/admin/pause.ts'
import type { Lease } from '../../services/consumer/leases/lease.ts'
import type { LeaseStore } from '../../services/consumer/leases/lease-store.ts'
import { CHEAP_ROWS } from '../../services/consumer/leases/scan-schedule.ts'
import type { LeaseWrite } from './dynamodb-model.ts'
import { leaseStoreOf } from './ports.ts'
import type { SeededRandom } from './random.ts'
import { WorkerProcess } from './worker-process.ts'
import type { World } from './world.ts'

/** The pauses of a run. */
export interface PausingScenario {
  readonly random: SeededRandom
  /** Mean interval of the pauses and resumes during the faults, in milliseconds; undefined without. */
  readonly everyMs: number | undefined
  /** After the last fault, a pause is checked strictly: `whole`, or interrupted after its first row. */
  readonly last: 'none' | 'whole' | 'interrupted'
  /** Maximum number of leases of every second worker, until the end of the faults; undefined without. */
  readonly maxLeases: number | undefined
}

export function drawPausing(random: SeededRandom): PausingScenario {
  const isPausing = random.chance(0.3)
  return {
    random,
    everyMs: isPausing && random.chance(0.6) ? random.between(200, 3_000) : undefined,
    last: isPausing ? (random.pick(['none', 'whole', 'interrupted'] as const) ?? 'none') : 'none',
    maxLeases: isPausing && random.chance(0.3) ? random.integer(1, 3) : undefined,
  }
}

interface Entry {
  version: number
  id: string
  paused: boolean
}

/** The entries of a worker that has read the table: those of the application and of each worker, by its target. */
type Seen = Map<string, Entry>

/** Time for the fleet to become stable before the last pause. */
const CALM_MS = 8_000
/** More than a scan and its calls take after the last fault. */
const SCAN_MS = 500

/**
 * Pauses and resumes the application and its workers, and checks the invariant `pause`: a worker that has read a pause
 * starts no read and no handler until it has read the resume.
 */
export class Pausing {
  readonly scenario: PausingScenario
  readonly #world: World
  readonly #seen = new Map<string, Seen>()
  /** When each run of a worker read that it is paused. */
  readonly #pausedSince = new Map<string, number>()
  #operators: WorkerProcess[] = []
  #runs = 0
  /** True while every worker is paused, also one that starts now. */
  #isFrozen = false
  /** True while no lease may move. */
  #isStill = false
  /** Called with the key of each row that is created. */
  #onCreated: (leaseKey: string) => void = () => undefined
  /** True until the last pause is over. */
  isBusy = false

  constructor(scenario: PausingScenario, world: World) {
    this.scenario = scenario
    this.#world = world
  }

  /** Maximum number of leases of a run of a worker; undefined without. */
  maxLeasesOf(run: number): number | undefined {
    return this.#world.healed || run % 2 === 0 ? undefined : this.scenario.maxLeases
  }

  /** A worker has received these rows. */
  read(process: WorkerProcess, workerId: string, leases: readonly Lease[]): void {
    const seen: Seen = this.#seen.get(process.name) ?? new Map()
    this.#seen.set(process.name, seen)
    addTo(seen, leases)
    const isPaused = [seen.get(APPLICATION), seen.get(workerId)].some(entry => entry?.paused)
    if (!isPaused) this.#pausedSince.delete(process.name)
    else if (!this.#pausedSince.has(process.name)) this.#pausedSince.set(process.name, process.here)
  }

  /** A worker starts to read records, receives an event, or starts a handler. */
  acts(process: WorkerProcess, what: string): void {
    if (!process.alive) return
    const since = this.#pausedSince.get(process.name)
    // What is decided at the same moment is not a fault.
    if (since !== undefined && process.here > since) {
      const ms = (process.here - since).toFixed()
      this.#world.violated('pause', `${process.name} ${what} ${ms} ms after it read that it is paused`)
    } else if (this.#isFrozen) this.#world.violated('pause', `${process.name} ${what} while the application is paused`)
  }

  leaseWritten({ leaseKey, before, after }: LeaseWrite): void {
    if (!before && after) this.#onCreated(leaseKey)
    if (!this.#isStill || !before?.leaseOwner || !after?.leaseOwner || before.leaseOwner === after.leaseOwner) return
    const move = `from ${before.leaseOwner} to ${after.leaseOwner}`
    this.#world.violated('pause', `${leaseKey} moves ${move} while the application is paused`)
  }

  /** Pauses and resumes at random until the end of the faults. */
  schedule(until: number): void {
    const { time } = this.#world
    const { everyMs, random } = this.scenario
    if (everyMs === undefined) return
    const next = () => {
      const at = time.now - everyMs * Math.log(1 - random.next())
      if (at >= until) return
      time.at(at, () => {
        this.#strike()
        next()
      })
    }
    next()
  }

  /** The faults are over: resumes everything, and then checks a pause strictly. */
  heal(): void {
    const { last, everyMs, maxLeases } = this.scenario
    for (const operator of this.#operators) operator.kill()
    // Some of the other workers may still be suspended. This one has no maximum, so that every shard can be read.
    if (maxLeases !== undefined || last !== 'none') this.#world.join()
    if (last === 'none' && everyMs === undefined) return
    this.isBusy = true
    this.#run(async operator => {
      await this.#resumeAll(operator)
      // A write that was delayed has arrived by then. Workers that have read a pause put it into the rows that they create
      // again after the table was deleted, with their next synchronization of the shards.
      await operator.sleep(Math.max(CALM_MS, 1.2 * this.#world.scenario.shardSyncIntervalMs))
      await this.#resumeAll(operator)
      if (last !== 'none' && this.#world.scenario.departure === 'none') await this.#checkPause(operator)
      this.isBusy = false
    })
  }

  #strike(): void {
    const { random } = this.scenario
    const paused = random.chance(0.5)
    const workerId = random.chance(0.4) ? random.pick(this.#world.active())?.workerId : undefined
    const operator = this.#run(process => this.#write(process, paused, workerId))
    const { time } = this.#world
    if (random.chance(0.3)) time.at(time.now + random.between(0, 500), () => operator.kill())
  }

  async #resumeAll(operator: WorkerProcess): Promise<void> {
    for (let workerIds = await this.#pausesNow(operator); workerIds.length > 0; ) {
      for (const workerId of workerIds) await this.#write(operator, false, workerId)
      workerIds = await this.#pausesNow(operator)
    }
  }

  async #pausesNow(operator: WorkerProcess): Promise<Array<string | undefined>> {
    const seen: Seen = new Map()
    // The table may have been dropped, and is created again by the workers.
    const leases = await leaseStoreOf(operator, this.#world)
      .list({ consistent: true })
      .catch(() => [])
    addTo(seen, leases)
    return [...seen].flatMap(([target, { paused }]) => (paused ? [target === APPLICATION ? undefined : target] : []))
  }

  /** A pause, a new worker, and a deleted row: nobody reads anything until the resume. */
  async #checkPause(operator: WorkerProcess): Promise<void> {
    const { scenario, table, trace } = this.#world
    const scanMs = 1.1 * scenario.scanIntervalMs + SCAN_MS
    await this.#write(operator, true, undefined, this.scenario.last === 'interrupted' ? 1 : undefined)
    const first = table.all().find(({ pause }) => pause !== undefined)
    if (!first) return // The application never had a row that lasted.
    // In a large table, workers see a pause in a row of their own. One of them repairs the other rows.
    const isLarge = table.all().length > CHEAP_ROWS
    await operator.sleep(isLarge ? 4 * scanMs + scenario.failoverMs : scanMs)
    // The row of an interrupted pause may be deleted at the end of its shard. The workers that have read it write the others.
    if (!table.get(first.leaseKey)) await operator.sleep(3 * scanMs)
    // If no worker had read it by then, nothing is left of it. The operator knows that the call failed.
    if (!table.all().some(row => isPausedIn([row]))) return
    trace.add('frozen')
    this.#isFrozen = true
    this.#isStill = this.#world.time.now - this.#world.movedAt > 2 * scenario.failoverMs + 3 * scenario.scanIntervalMs
    for (let left = 8; left > 0; left--) this.#world.put()
    await operator.sleep(3 * scanMs) // Time for two more scans and the repair of the other rows.
    this.#isStill = false
    const canDelete = table.all().length > 1 || scenario.initialPosition === 'TRIM_HORIZON'
    if (canDelete) table.delete(first.leaseKey, 'operator')
    else this.#world.join()
    // The first worker that reads the new row knows of the pause from this row, or from another one.
    this.#onCreated = leaseKey => {
      if (leaseKey === first.leaseKey) this.#world.join()
    }
    await operator.sleep(scenario.failoverMs)
    this.#onCreated = () => undefined
    await operator.sleep(2 * scenario.failoverMs)
    trace.add('thawed')
    this.#isFrozen = false
    await this.#resumeAll(operator)
  }

  /** @param rows number of rows after which the operator is interrupted; undefined to write all */
  async #write(operator: WorkerProcess, paused: boolean, workerId?: string, rows?: number): Promise<void> {
    const what = `${paused ? 'pauses' : 'resumes'} ${workerId ?? 'the application'}`
    this.#world.trace.add(`${operator.name} ${what}`)
    const store = leaseStoreOf(operator, this.#world)
    const { random } = this.scenario
    try {
      await writePause(
        paused,
        { workerId, by: operator.name, reason: 'a simulation' },
        {
          store: rows === undefined ? store : interruptedAfter(rows, store),
          wallClock: () => this.#world.wallClock(operator.here),
          createId: () => String(random.integer(0, 2 ** 30)),
        },
      )
    } catch (error) {
      this.#world.trace.add(`${operator.name} fails: ${error}`)
    }
  }

  #run(work: (operator: WorkerProcess) => Promise<void>): WorkerProcess {
    const operator = new WorkerProcess(`operator.${this.#runs++}`, this.#world.time, this.#world.streams)
    this.#operators = [...this.#operators.filter(({ alive }) => alive), operator]
    this.#world.inside(() => work(operator))
    return operator
  }
}

const APPLICATION = '*'

/** Reads the pauses of a row without the code of the consumer. */
function entriesOf({ pause }: Lease): Array<[target: string, Entry]> {
  if (pause === undefined) return []
  const { application, workers } = JSON.parse(pause) as { application?: Entry; workers: Record<string, Entry> }
  return [...(application ? [[APPLICATION, application] as [string, Entry]] : []), ...Object.entries(workers)]
}

/** Of two entries of one target, the one with the higher version counts, and then the one with the higher id. */
function addTo(seen: Seen, leases: readonly Lease[]): void {
  for (const [target, entry] of leases.flatMap(entriesOf)) {
    const before = seen.get(target)
    const isLater = !before || entry.version > before.version
    if (isLater || (entry.version === before.version && entry.id > before.id)) seen.set(target, entry)
  }
}

class Interrupted extends Error {}

function interruptedAfter(rows: number, store: LeaseStore): LeaseStore {
  let left = rows
  return {
    ...store,
    async swap(previous, next) {
      if (left === 0) throw new Interrupted('the operator is interrupted')
      const isWritten = await store.swap(previous, next)
      if (isWritten) left--
      return isWritten
    },
  }
}

/** Returns whether the application is paused according to these rows. */
function isPausedIn(leases: readonly Lease[]): boolean {
  const seen: Seen = new Map()
  addTo(seen, leases)
  return seen.get(APPLICATION)?.paused === true
}
