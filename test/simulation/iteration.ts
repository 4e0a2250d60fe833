import type { KinesisConsumer } from '../../services/consumer/consumer.ts'
import type { IteratedRecord } from '../../services/consumer/iteration/record-iterator.ts'
import type { RecordContext } from '../../services/consumer/record.ts'
import type { Handlers } from './handlers.ts'
import type { SeededRandom } from './random.ts'
import type { Scenario } from './scenario.ts'
import type { WorkerProcess } from './worker-process.ts'
import type { World } from './world.ts'

/** How the application reads records. */
export interface IterationScenario {
  readonly random: SeededRandom
  /** True if the application has no handler and reads the records in a loop. */
  readonly isIterated: boolean
  /** Share of the records for which the application writes a checkpoint at once. */
  readonly checkpoints: number
  /** Share of the records before which the loop blocks the event loop, so that its lease may expire unnoticed. */
  readonly blocks: number
}

export function drawIteration(random: SeededRandom, scenario: Scenario): IterationScenario {
  const { batch, maxAttempts, handler } = scenario
  // A loop has no batches, no dead letters and no timeout of its own.
  const canIterate = batch === undefined && maxAttempts === undefined && handler.hangs === 0
  const isIterated = random.chance(0.4) && canIterate
  const checkpoints = random.chance(0.3) ? random.next() : 0
  return { random, isIterated, checkpoints, blocks: random.chance(0.3) ? 0.1 * random.next() : 0 }
}

export interface LoopSettings {
  consumer: KinesisConsumer
  process: WorkerProcess
  handlers: Handlers
  world: World
}

const RETRY_MS = 50
const MAX_COMMIT_DELAY_MS = 400

/** A program with a loop over the records. It retries failed records itself, and commits some of them later. */
export async function runLoop(settings: LoopSettings): Promise<void> {
  const { consumer, process, world } = settings
  const { random } = world.iteration
  for await (const record of consumer.records()) {
    if (!(await isHandled(record, settings))) continue
    if (random.chance(0.5)) record.commit()
    else process.deliver(process.here + random.between(0, MAX_COMMIT_DELAY_MS), () => record.commit())
  }
}

async function isHandled(
  record: IteratedRecord,
  { consumer, process, handlers, world }: LoopSettings,
): Promise<boolean> {
  const { shardId, fencingToken } = record
  const { random, blocks } = world.iteration
  if (!world.healed && random.chance(blocks)) {
    process.stall(random.between(100, 2 * world.scenario.failoverMs))
    // The lease may have expired in the meantime. No timer has run since, so only the signal can know.
    if (record.signal.aborted) return false
  }
  // No consumer can notice a suspension after the loop was given the record and before its first statement.
  if (process.wasJustSuspended && record.signal.aborted) return false
  // A program does not ask the signal before its first attempt: it has just been given the record.
  for (let attempt = 1; attempt === 1 || !record.signal.aborted; attempt++) {
    const { signal } = record
    const checkpoint = () => record.checkpoint()
    const context: RecordContext = { signal, attempt, shardId, fencingToken, checkpoint, yieldPlace: () => false }
    try {
      await handlers.one(record, context)
      return true
    } catch (error) {
      world.trace.add(`${process.name} retries ${record.sequenceNumber.slice(-4)} in its loop: ${error}`)
      do await process.sleep(RETRY_MS, signal)
      while (consumer.paused && !record.signal.aborted)
    }
  }
  return false
}

/** Writes a checkpoint at once for some of the records. A failed write is repeated with the next renewal. */
export function checkpointSometimes(context: Pick<RecordContext, 'checkpoint'>, world: World): void {
  const { random, checkpoints } = world.iteration
  if (!random.chance(checkpoints)) return
  context.checkpoint().catch(error => world.trace.add(`a checkpoint fails: ${error}`))
}
