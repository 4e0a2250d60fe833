import type { Clock } from '../clock.ts'
import { classifyReadError, type ReadFault, type StreamReader } from '../stream.ts'
import type { ShardReplay } from './replay-plan.ts'

/**
 * About how much a replay reads from one shard. Kinesis does not count records, so the numbers come from samples. The range
 * is not a bound: samples can miss a burst. An aggregated record counts once.
 */
export interface ReplayEstimate {
  /** About how many records. */
  records: number
  /** If all that was not sampled is like the emptiest sample. */
  minRecords: number
  /** If all that was not sampled is like the fullest sample. */
  maxRecords: number
  /** The time that Kinesis needs to deliver the records, at 2 MiB a second. The handlers may need longer. */
  minDurationMs: number
}

export interface ReplayEstimatePorts {
  stream: Pick<StreamReader, 'getIterator' | 'getRecords'>
  clock: Clock
  /** Epoch milliseconds. */
  wallClock: () => number
}

/** Each shard is sampled at the start of this many equal parts of the time. */
const PARTS = 4
const SAMPLE_RECORDS = 25
/** Kinesis allows 5 GetRecords a second per shard. The workers need most of them. */
const CALL_INTERVAL_MS = 1_000
const SHARDS_AT_ONCE = 10
/** Shards that are not sampled by then have no estimate. */
const TIME_LIMIT_MS = 15_000
/** Kinesis delivers at most this much of a shard per second. */
const SHARD_BYTES_PER_SECOND = 2 * 1024 * 1024

interface Sample {
  records: number
  bytes: number
  /** The time that the sample covers, in milliseconds. */
  coveredMs: number
}

/**
 * Estimates, by shard id, how many records a planned replay delivers, up to now. A shard is missing if its plan changes
 * nothing, or if its estimate is unknown.
 */
export async function estimateReplay(
  plans: readonly ShardReplay[],
  ports: ReplayEstimatePorts,
): Promise<Map<string, ReplayEstimate>> {
  const { clock, wallClock } = ports
  const deadline = clock.now() + TIME_LIMIT_MS
  const until = wallClock()
  const waiting = plans.filter(({ change, first }) => change !== 'none' && first !== undefined)
  const estimates = new Map<string, ReplayEstimate>()
  async function work(): Promise<void> {
    for (let plan = waiting.shift(); plan?.first && clock.now() < deadline; plan = waiting.shift()) {
      const since = plan.first.arrivedAt.getTime()
      const partMs = Math.max(1, until - since) / PARTS
      const samples: Sample[] = []
      for (let part = 0; part < PARTS && clock.now() < deadline; part++) {
        const from = since + part * partMs
        const sample = await sampleOf(plan.shardId, from, partMs, { ...ports, deadline }).catch(unknownIfTransient)
        if (!sample) break
        samples.push(sample)
      }
      if (samples.length === PARTS) estimates.set(plan.shardId, estimateOf(samples, partMs))
    }
  }
  await Promise.all(Array.from({ length: SHARDS_AT_ONCE }, work))
  return estimates
}

/**
 * The estimate of one shard is not worth the whole plan: without a sample, it is unknown. The workers may use all reads of the
 * shard, and the clock of this machine may be ahead of the clock of Kinesis.
 *
 * @throws the error if it concerns all shards, such as a missing permission
 */
function unknownIfTransient(error: unknown): undefined {
  if (!UNKNOWN_AFTER.has(classifyReadError(error))) throw error
}

const UNKNOWN_AFTER: ReadonlySet<ReadFault> = new Set([
  'throttled',
  'invalid position',
  'expired iterator',
  'not found',
])

/** @returns undefined if Kinesis returned nothing in time */
async function sampleOf(
  shardId: string,
  from: number,
  partMs: number,
  { stream, clock, deadline }: ReplayEstimatePorts & { deadline: number },
): Promise<Sample | undefined> {
  let iterator: string | undefined = await stream.getIterator(shardId, { type: 'AT_TIMESTAMP', at: new Date(from) })
  while (iterator !== undefined) {
    await clock.sleep(CALL_INTERVAL_MS)
    if (clock.now() >= deadline) return undefined
    const reply = await stream.getRecords(shardId, iterator, SAMPLE_RECORDS)
    const last = reply.records.at(-1)
    if (last) {
      const inPart = reply.records.filter(({ arrivedAt }) => arrivedAt.getTime() < from + partMs)
      const isWhole = inPart.length < reply.records.length || reply.millisBehindLatest === 0
      return {
        records: inPart.length,
        bytes: inPart.reduce((sum, { data, partitionKey }) => sum + data.byteLength + (partitionKey?.length ?? 0), 0),
        coveredMs: isWhole ? partMs : Math.min(partMs, Math.max(1, last.arrivedAt.getTime() - from)),
      }
    }
    if (reply.millisBehindLatest === 0) break
    iterator = reply.nextIterator
  }
  return { records: 0, bytes: 0, coveredMs: partMs }
}

function estimateOf(samples: readonly Sample[], partMs: number): ReplayEstimate {
  const rates = samples.map(({ records, coveredMs }) => records / coveredMs)
  const [slowest, fastest] = [Math.min(...rates), Math.max(...rates)]
  const total = (unread: (sample: Sample) => number) =>
    Math.round(samples.reduce((sum, sample) => sum + sample.records + unread(sample) * (partMs - sample.coveredMs), 0))
  const bytes = samples.reduce((sum, sample) => sum + (sample.bytes / sample.coveredMs) * partMs, 0)
  return {
    records: total(({ records, coveredMs }) => records / coveredMs),
    minRecords: total(() => slowest),
    maxRecords: total(() => fastest),
    minDurationMs: (bytes / SHARD_BYTES_PER_SECOND) * 1_000,
  }
}
