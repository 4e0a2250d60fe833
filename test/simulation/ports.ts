import { LeaseTableMissingError } from '../../services/consumer/errors.ts'
import type { Lease } from '../../services/consumer/leases/lease.ts'
import type { LeaseStore } from '../../services/consumer/leases/lease-store.ts'
import type { RecordsReply, StreamReader } from '../../services/consumer/stream.ts'
import type { LeaseTable } from './dynamodb-model.ts'
import { subscribeOf } from './fan-out-port.ts'
import type { KinesisModel } from './kinesis-model.ts'
import type { Call, Service } from './network.ts'
import type { WorkerProcess } from './worker-process.ts'
import type { World } from './world.ts'

/** The timeout of the real lease store. */
const storeTimeout = (failoverMs: number) => Math.ceil(failoverMs / 3)
/** The timeout of the real stream reader, in proportion to a run of some seconds. */
const READ_TIMEOUT_MS = 3_000
/** The maximum time to create a table. */
const MAKING_MS = 2_000

export interface StoreView {
  /** Called with the rows of each read that the process receives. */
  onRead?(leases: readonly Lease[]): void
  /** The leases of the stream. Default those of the stream that the world is about. */
  table?: LeaseTable
}

/** The lease table as seen by a worker process. */
export function leaseStoreOf(
  process: WorkerProcess,
  world: World,
  { onRead = () => undefined, table = world.table }: StoreView = {},
): LeaseStore {
  const { network, scenario, weather } = world
  const timeoutMs = storeTimeout(scenario.failoverMs)
  const send = <T>(effect: (sentAt: number) => T) => network.call(process, 'dynamodb', { timeoutMs, effect })
  const call = <T>(effect: (sentAt: number) => T) => {
    return send(sentAt => {
      table.check()
      return effect(sentAt)
    })
  }
  const writer = process.name
  const store = {
    async ensureTable(signal) {
      const activeAt = await send(() => table.ensure(process.random.between(0, MAKING_MS)))
      await process.sleep(activeAt - process.here, signal)
    },
    async list({ consistent } = { consistent: false }) {
      try {
        const leases = await call(() => table.scan(() => (consistent ? 0 : weather.age('scanAgeMs'))))
        onRead(leases)
        return leases
      } catch (error) {
        const isMissing = error instanceof Error && error.name === 'ResourceNotFoundException'
        throw isMissing ? new LeaseTableMissingError(error.message) : error
      }
    },
    get: leaseKey => call(() => table.get(leaseKey)),
    create: lease => call(sentAt => table.create(lease, { writer, sentAt })),
    async swap(previous, next) {
      const row = await call(sentAt =>
        table.swap(previous, next, { writer, sentAt }) ? table.get(next.leaseKey) : undefined,
      )
      if (row) onRead([row])
      return row
    },
    delete: (lease: Lease) => call(() => table.remove(lease, writer)),
  } satisfies LeaseStore & { delete(lease: Lease): Promise<boolean> }
  return store
}

/**
 * A stream as seen by a worker process.
 *
 * @param kinesis the stream, by default the one that the world is about
 */
export function streamReaderOf(
  process: WorkerProcess,
  world: World,
  watch: ReadWatch,
  kinesis: KinesisModel = world.kinesis,
): StreamReader {
  const { network, time, weather } = world
  const call = <T>(effect: Call<T>['effect'], signal?: AbortSignal) => {
    const service: Service = 'kinesis'
    return network.call(process, service, { timeoutMs: READ_TIMEOUT_MS, signal, effect })
  }
  /** Fetches that began with an iterator and have not read records yet. Most iterators of probes stay here. */
  const fetches = new Map<string, () => void>()
  return {
    // Streams are not created or deleted while they are simulated.
    isActive: async () => true,
    ...(world.scenario.fanOut &&
      kinesis === world.kinesis && { subscribe: subscribeOf(process, world, watch, READ_TIMEOUT_MS) }),
    listShards: () =>
      call(() => {
        const [one, other] = [weather.age('listAgeMs'), weather.age('listAgeMs')]
        const size = process.random.integer(0, kinesis.shards.length)
        return kinesis.list({ first: time.now - Math.max(one, other), second: time.now - Math.min(one, other), size })
      }),
    async getIterator(shardId, position) {
      const fetch = watch.fetchStarts(shardId)
      const iterator = await call(() => {
        weather.check(position)
        return kinesis.getIterator(shardId, position)
      })
      fetches.set(iterator, fetch)
      return iterator
    },
    async getRecords(shardId, iterator, limit, { signal, receive } = {}) {
      const fetch = fetches.get(iterator) ?? watch.fetchStarts(shardId)
      fetches.delete(iterator)
      watch.acts?.(`reads ${shardId}`)
      fetch()
      const reply = await call(() => spoiled(kinesis.getRecords(shardId, iterator, limit), iterator, world), signal)
      const bytes = reply.records.reduce((sum, { data }) => sum + data.byteLength, 0)
      const never = new AbortController().signal
      await receive?.(bytes, signal ?? never)
      if (signal?.aborted) throw signal.reason
      watch.received(shardId, reply)
      return reply
    },
  }
}

export interface ReadWatch {
  /**
   * Called when the consumer may decide to fetch records, also for an iterator that only probes the clock of the stream.
   *
   * @returns a function to call when records are fetched by this decision
   */
  fetchStarts(shardId: string): () => void
  subscribes?(shardId: string): void
  /** Called when the worker starts to read records, or receives an event. */
  acts?(what: string): void
  received(shardId: string, reply: Pick<RecordsReply, 'records'>): void
}

/** A reply with a fault: empty although there are more records, or without an iterator although the shard is open. */
function spoiled(reply: RecordsReply, iterator: string, { weather }: World): RecordsReply {
  if (weather.strikes('emptyPage')) {
    return { records: [], nextIterator: iterator, millisBehindLatest: reply.millisBehindLatest + 1, childShards: [] }
  }
  if (weather.strikes('nullIterator')) return { ...reply, nextIterator: undefined, childShards: [] }
  return reply
}
