import { createRangeCheck } from '../../../consumer/aggregation/range-check.ts'
import { TRIM_HORIZON } from '../../../consumer/checkpoint.ts'
import type { Clock, Random } from '../../../consumer/clock.ts'
import { ByteBudget } from '../../../consumer/fetching/byte-budget.ts'
import { fetchShard } from '../../../consumer/fetching/fetch-shard.ts'
import { type ConsumerRecord, unpack } from '../../../consumer/index.ts'
import { PauseGate } from '../../../consumer/pausing/pause-gate.ts'
import type { Shard } from '../../../consumer/shards/shard.ts'
import { tipOf } from '../../../consumer/shards/tip.ts'
import type { ShardPosition, StreamReader } from '../../../consumer/stream.ts'
import { NothingFoundError, RefusedError } from '../../errors.ts'
import { createFaults } from './read-faults.ts'
import { isNoStream, noStreamError } from './stream.ts'

export interface ReadSettings {
  streamName: string
  stream: StreamReader
  from: 'trim-horizon' | 'latest' | Date
  /** Only these shards, and not their children. Undefined: all shards. */
  shardIds: readonly string[] | undefined
  /** Continues at the end of the stream. False: each shard is read up to its last record. */
  follow: boolean
  /** Ends reading. */
  signal: AbortSignal
  /** Called with the number of shards before the first one is read. */
  onStart(shards: number): void
  /** Called with the records of one shard, in their order. Aggregated records are unpacked. */
  onRecords(records: readonly ConsumerRecord[]): void
  /** Called with a sentence for people, for example if a read fails and is retried. */
  onNote(text: string): void
  clock: Clock
  /** Epoch milliseconds. */
  wallClock: () => number
  random: Random
}

/** The maximum of GetRecords. */
const RECORDS_PER_FETCH = 10_000

// A shard allows 5 GetRecords a second for all its readers. These intervals leave most of them to the workers.
const MIN_INTERVAL_MS = 500
const IDLE_INTERVAL_MS = 1_000

/** `fetchShard` needs a budget. Records are printed before more are read, so the budget always has room. */
const BUDGET_BYTES = 64 * 1024 ** 2

/**
 * Reads the shards of a stream at the same time, and the children of a shard after its end. Needs no lease table and changes nothing.
 *
 * @returns once the signal has fired, or no shard is left to read
 * @throws NothingFoundError if the stream or a shard does not exist; the error of a read that cannot succeed
 */
export async function readStream(settings: ReadSettings): Promise<void> {
  const { streamName, stream, from, shardIds, follow, onStart, onRecords, onNote, clock, random } = settings
  const listed = await listShards(settings)
  const chosen = chooseShards(listed, settings)
  const position = await startPosition(chosen, settings)
  // Closed shards have no records after the present.
  const inScope = new Map(chosen.filter(({ closed }) => from !== 'latest' || !closed).map(each => [each.shardId, each]))
  if (inScope.size === 0) {
    throw new RefusedError(
      `${chosen.map(({ shardId }) => shardId).join(' and ')} of '${streamName}' is closed, so no new records arrive. Read the old ones with --from trim-horizon.`,
    )
  }
  const started = new Set<string>()
  const ended = new Set<string>()
  const failed = new AbortController()
  const signal = AbortSignal.any([settings.signal, failed.signal])
  const faults = createFaults({ streamName, follow, clock, onNote, onFinal: error => failed.abort(error) })
  const budget = new ByteBudget(BUDGET_BYTES)

  /** Returns the shards whose parents have been read, and marks them as started. */
  function takeReady(): Shard[] {
    const isRead = (parentId: string) => ended.has(parentId) || !inScope.has(parentId)
    const ready = [...inScope.values()].filter(
      ({ shardId, parentShardIds }) => !started.has(shardId) && parentShardIds.every(isRead),
    )
    for (const { shardId } of ready) started.add(shardId)
    return ready
  }

  async function readReady(): Promise<void> {
    await Promise.all(takeReady().map(readShard))
  }

  async function readShard(shard: Shard): Promise<void> {
    const { shardId, closed } = shard
    const unpackSettings = { isInside: createRangeCheck(shard), onOutside: () => undefined }
    const fetching = fetchShard(
      {
        shardId,
        shard: { ...shard, shardStart: shard.startingSequenceNumber },
        stream,
        from: TRIM_HORIZON,
        startAt: undefined,
        budget: budget.open(),
        recordsPerFetch: RECORDS_PER_FETCH,
        idleIntervalMs: IDLE_INTERVAL_MS,
        clock,
        random,
        pause: new PauseGate(clock), // Never paused.
        signal,
        onFault: (operation, error) => faults.failed(shardId, operation, error),
        onThrottled: error => faults.failed(shardId, 'GetRecords', error),
      },
      position,
    )
    let startedAt = clock.now()
    let next = await fetching.next()
    while (!next.done) {
      const { records, nextIterator, millisBehindLatest } = next.value
      faults.succeeded(shardId)
      for (const portion of unpack(records, unpackSettings)) {
        if (signal.aborted) return
        onRecords(portion)
      }
      if (!follow && !closed && nextIterator !== undefined && millisBehindLatest === 0) return
      if (nextIterator !== undefined) await clock.sleep(startedAt + MIN_INTERVAL_MS - clock.now(), signal)
      startedAt = clock.now()
      next = await fetching.next()
    }
    const children = next.value
    if (children === undefined) return
    ended.add(shardId)
    if (shardIds === undefined) {
      for (const child of children) {
        if (!inScope.has(child.shardId)) inScope.set(child.shardId, { ...child, closed: false })
      }
      if (follow) onNote(`${shardId} has ended. ${children.map(child => child.shardId).join(' and ')} follow.`)
    } else if (follow) {
      onNote(`${shardId} has ended. ${children.map(child => child.shardId).join(' and ')} follow, but are not read.`)
    }
    await readReady()
  }

  onStart(inScope.size)
  await readReady()
  if (failed.signal.aborted) throw failed.signal.reason
}

/** @throws NothingFoundError if there is no such stream */
async function listShards({ stream, streamName }: ReadSettings): Promise<Shard[]> {
  const listed = await stream.listShards().catch(error => {
    throw isNoStream(error) ? noStreamError(streamName, error) : error
  })
  if (listed.length === 0) {
    throw new RefusedError(
      `The stream '${streamName}' lists no shards: it is being created or deleted. Try again later.`,
    )
  }
  return listed
}

/** @throws NothingFoundError if there is no such shard */
function chooseShards(listed: readonly Shard[], { streamName, shardIds }: ReadSettings): Shard[] {
  const unknown = shardIds?.find(id => !listed.some(({ shardId }) => shardId === id))
  if (unknown !== undefined) {
    const known = listed.map(({ shardId, closed }) => (closed ? `${shardId} (closed)` : shardId)).join(', ')
    throw new NothingFoundError(`The stream '${streamName}' has no shard '${unknown}'. It has ${known}.`)
  }
  return listed.filter(({ shardId }) => shardIds?.includes(shardId) ?? true)
}

/**
 * The position of LATEST would move forward each time that an iterator is replaced before the first record, and records would be
 * skipped. So the present is a time.
 */
async function startPosition(
  chosen: readonly Shard[],
  { from, stream, clock, wallClock }: ReadSettings,
): Promise<ShardPosition> {
  if (from === 'trim-horizon') return { type: 'TRIM_HORIZON' }
  if (from !== 'latest') return { type: 'AT_TIMESTAMP', at: from }
  const open = chosen.find(({ closed }) => !closed)
  return {
    type: 'AT_TIMESTAMP',
    at: new Date(open ? await tipOf(open.shardId, { stream, clock, wallClock }) : wallClock()),
  }
}
