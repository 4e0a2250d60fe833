import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'
import { TRIM_HORIZON } from '../../../services/consumer/checkpoint.ts'
import { type Clock, systemClock } from '../../../services/consumer/clock.ts'
import { ByteBudget } from '../../../services/consumer/fetching/byte-budget.ts'
import type { FetchSettings } from '../../../services/consumer/fetching/fetch-shard.ts'
import type { ConsumerRecord } from '../../../services/consumer/index.ts'
import { createSubscribe } from '../../../services/consumer/kinesis/fan-out-stream.ts'
import { createKinesisStream } from '../../../services/consumer/kinesis/kinesis-stream.ts'
import { PauseGate } from '../../../services/consumer/pausing/pause-gate.ts'
import type { RecordsReply } from '../../../services/consumer/stream.ts'
import { createLocalClients } from '../../../services/local/clients.ts'
import { STREAM, type StreamFixture } from '../support.ts'

export const SHARD = 'shardId-000000000000'

/** A clock that is faster than that of the system by this factor. */
export function fastClock(times: number): Clock {
  return {
    now: () => systemClock.now() * times,
    sleep: (ms, signal) => systemClock.sleep(ms / times, signal),
  }
}

export interface Reading extends FetchSettings {
  /** Faults that were reported. */
  faults: Error[]
  budget: ReturnType<ByteBudget['open']>
  stop(): void
}

/**
 * Settings for reading a shard with a fast clock, until the test ends. Each reader with fan-out has its own consumer.
 */
export function reading(
  t: Pick<Test, 'teardown'>,
  { kinesis }: Pick<StreamFixture, 'kinesis'>,
  { clock = fastClock(10), ...rest }: Partial<FetchSettings> = {},
): Reading {
  const ended = new AbortController()
  t.teardown(() => ended.abort())
  const fanOut = { consumerName: `consumer-${++consumers}` }
  const faults: Error[] = []
  return {
    shardId: SHARD,
    shard: { startingHashKey: undefined, endingHashKey: undefined, shardStart: '10' },
    stream: {
      ...createKinesisStream({
        ...{ kinesis, streamName: STREAM, requestTimeoutMs: 30_000 },
        onFallback: error => faults.push(error),
      }),
      subscribe: createSubscribe({ kinesis, streamName: STREAM, fanOut, clock }),
    },
    from: TRIM_HORIZON,
    startAt: undefined,
    recordsPerFetch: 10_000,
    idleIntervalMs: 250,
    random: Math.random,
    pause: new PauseGate(clock),
    signal: ended.signal,
    onFault: (_, error) => faults.push(error as Error),
    onThrottled: error => faults.push(error as Error),
    ...rest,
    ...{ clock, faults, budget: new ByteBudget(2 ** 30).open() },
    stop: () => ended.abort(),
  }
}

let consumers = 0

/** Reads replies until there are this many records. */
export async function take(replies: AsyncIterator<RecordsReply, unknown>, count: number): Promise<ConsumerRecord[]> {
  const records: ConsumerRecord[] = []
  while (records.length < count) {
    const next = await replies.next()
    if (next.done) break
    records.push(...next.value.records)
  }
  return records
}

/** A client of the same Kinesis whose connections can be cut or suspended. */
export async function throughProxy(t: Pick<Test, 'teardown'>, stream: Pick<StreamFixture, 'kinesis'>) {
  const target = await stream.kinesis.config.endpoint?.()
  const sockets = new Set<Socket>()
  let opened = 0
  const server = createServer(from => {
    opened++
    const to = connect(Number(target?.port), target?.hostname)
    const ends = [from, to]
    for (const socket of ends) sockets.add(socket.on('error', () => undefined))
    for (const socket of ends) {
      socket.on('close', () => {
        sockets.delete(socket)
        for (const end of ends) end.destroy()
      })
    }
    from.pipe(to)
    to.pipe(from)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const none = 'http://127.0.0.1:9'
  const clients = createLocalClients({ s3: none, dynamodb: none, kinesis: `http://127.0.0.1:${port}` })
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  t.teardown(() => {
    clients.destroy()
    cut()
    server.close()
  })
  return {
    kinesis: clients.kinesis,
    cut,
    /** Stops forwarding on the existing connections without closing them. */
    hang() {
      for (const socket of sockets) socket.unpipe().pause()
    },
    /** Existing connections. Each has two ends in this process. */
    open: () => sockets.size / 2,
    opened: () => opened,
  }
}
