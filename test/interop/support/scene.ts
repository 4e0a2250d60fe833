import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { type AttributeValue, paginateScan, ResourceNotFoundException } from '@aws-sdk/client-dynamodb'
import {
  MergeShardsCommand,
  PutRecordsCommand,
  SplitShardCommand,
  waitUntilStreamExists,
} from '@aws-sdk/client-kinesis'
import type { Test } from 'tap'
import { type JavaLine, type JavaProcess, startJava } from '../../../bench/java/process.ts'
import { type ConsumerOptions, KinesisConsumer } from '../../../services/consumer/index.ts'
import { account } from '../../../services/local/account.ts'
import { createStream } from '../../../services/local/resources/kinesis.ts'
import { readLines } from '../../../services/local/tail.ts'
import { runProgram } from '../../support/processes.ts'
import { Journal } from './journal.ts'
import { KCL, type KclVersion, type Servers, startServers } from './servers.ts'

export const STREAM = 'interop-stream'
export const APPLICATION = 'interop-application'
export const FAILOVER_MS = 3_000
const OUR_PROGRAM = path.resolve(import.meta.dirname, 'our-program.ts')
const KEYS = 24
const WAIT_MS = 120_000

export type Row = Record<string, AttributeValue>

export interface KclWorker extends JavaProcess {
  readonly lines: readonly JavaLine[]
  /** The shards of which the worker told this, such as `shardEnded`. */
  told(type: string): string[]
}

/** A stream with records for ever more, and the workers that share it. */
export class Scene {
  readonly journal = new Journal()
  readonly put: string[] = []
  readonly servers: Servers
  readonly #t: Pick<Test, 'teardown'>
  readonly #version: KclVersion
  readonly #programs: JavaProcess[] = []

  private constructor(t: Pick<Test, 'teardown'>, version: KclVersion, servers: Servers) {
    this.#t = t
    this.#version = version
    this.servers = servers
  }

  static async open(t: Pick<Test, 'teardown'>, version: KclVersion, { shards }: { shards: number }): Promise<Scene> {
    const servers = await startServers(t, version)
    await createStream(servers.kinesis, { name: STREAM, shards, retentionHours: 24 })
    return new Scene(t, version, servers)
  }

  async putRecords(count: number): Promise<void> {
    const texts = Array.from({ length: count }, (_, i) => {
      const n = this.put.length + i
      return `key-${n % KEYS}:${Math.floor(n / KEYS)}`
    })
    const Records = texts.map(text => ({ PartitionKey: text.split(':')[0], Data: Buffer.from(text) }))
    const { FailedRecordCount } = await this.servers.kinesis.send(
      new PutRecordsCommand({ StreamName: STREAM, Records }),
    )
    if (FailedRecordCount) throw new Error(`${FailedRecordCount} records were refused`)
    this.put.push(...texts)
  }

  /** Puts records on and on, a key's in order, until told to stop. */
  flow(): { stop(): Promise<void> } {
    const stopped = new AbortController()
    const running = (async () => {
      while (!stopped.signal.aborted) {
        await this.putRecords(10)
        await wait(200)
      }
    })()
    const stop = async () => {
      stopped.abort()
      await running
    }
    this.#t.teardown(stop)
    return { stop }
  }

  async split(shardId: string, row: Row): Promise<void> {
    const [from, to] = [BigInt(row.startingHashKey?.S ?? 0), BigInt(row.endingHashKey?.S ?? 0)]
    const NewStartingHashKey = String((from + to) / 2n)
    const { kinesis: client } = this.servers
    await client.send(new SplitShardCommand({ StreamName: STREAM, ShardToSplit: shardId, NewStartingHashKey }))
    await this.#untilStreamIsActive()
  }

  /** Merges a shard with the one whose hash keys follow. */
  async merge(shardId: string, adjacent: string): Promise<void> {
    const { kinesis: client } = this.servers
    await client.send(
      new MergeShardsCommand({ StreamName: STREAM, ShardToMerge: shardId, AdjacentShardToMerge: adjacent }),
    )
    await this.#untilStreamIsActive()
  }

  async #untilStreamIsActive(): Promise<void> {
    const { kinesis: client } = this.servers
    await waitUntilStreamExists({ client, minDelay: 0.02, maxDelay: 0.2, maxWaitTime: 15 }, { StreamName: STREAM })
  }

  /** A worker of KCL, its failover time ours. */
  async kcl(id: string, { initialPosition = 'TRIM_HORIZON', application = APPLICATION } = {}): Promise<KclWorker> {
    const lines: JavaLine[] = []
    const onLine = (line: JavaLine) => {
      lines.push(line)
      this.#note(id, line)
    }
    const env = {
      ...this.#environment(id, application),
      AWS_ACCESS_KEY_ID: account.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: account.credentials.secretAccessKey,
      AWS_REGION: account.region,
      INTEROP_INITIAL_POSITION: initialPosition,
      INTEROP_MODE: KCL[this.#version].mode,
    }
    const program = await startJava(this.#t, KCL[this.#version].program, { env, onLine })
    this.#programs.push(program)
    const told = (type: string) => lines.filter(line => line.type === type).map(({ shardId = '' }) => shardId)
    return Object.assign(program, { lines, told })
  }

  #environment(id: string, application: string): Record<string, string> {
    return {
      INTEROP_KINESIS_ENDPOINT: this.servers.endpoints.kinesis,
      INTEROP_DYNAMODB_ENDPOINT: this.servers.endpoints.dynamodb,
      INTEROP_STREAM: STREAM,
      INTEROP_APPLICATION: application,
      INTEROP_WORKER_ID: id,
      INTEROP_FAILOVER_MS: String(FAILOVER_MS),
    }
  }

  #note(worker: string, line: JavaLine): void {
    const { type, atMicros, shardId = '', sequenceNumber = '', text = '', checkpoint = '' } = line
    if (type === 'initialized') this.journal.begin({ worker, shardId, checkpoint })
    if (type === 'record') this.journal.add({ worker, shardId, sequenceNumber, text, atMicros })
  }

  /** Starts a worker of ours in a process of its own. */
  ourProcess(id: string): { kill(): Promise<void> } {
    const program = runProgram(this.#t, [OUR_PROGRAM], {
      env: this.#environment(id, APPLICATION),
      endsWithTest: true,
    })
    const { child, ended } = program
    if (child.stdout) readLines(child.stdout, line => this.#note(id, JSON.parse(line) as JavaLine))
    const kill = async () => {
      child.kill('SIGKILL')
      await ended
    }
    return { kill }
  }

  /** A worker of ours. */
  consumer(workerId: string, options: Partial<ConsumerOptions> = {}): KinesisConsumer {
    const { kinesis, dynamodb } = this.servers
    const consumer = new KinesisConsumer({
      applicationName: APPLICATION,
      streamName: STREAM,
      kinesis,
      dynamodb,
      workerId,
      failoverMs: FAILOVER_MS,
      shardSyncIntervalMs: 5_000,
      handler: async ({ shardId, sequenceNumber, data }) => {
        const text = Buffer.from(data).toString()
        this.journal.add({ worker: workerId, shardId, sequenceNumber, text, atMicros: Date.now() * 1_000 })
      },
      ...options,
    })
    consumer.events.on('leaseAcquired', ({ shardId, checkpoint }) => {
      this.journal.begin({ worker: workerId, shardId, checkpoint: checkpoint.sequenceNumber })
    })
    this.#t.teardown(() => consumer.stop())
    return consumer
  }

  /** The rows of the lease table that are leases, by key. */
  async leases(application = APPLICATION): Promise<Map<string, Row>> {
    const leases = new Map<string, Row>()
    const scan = { TableName: application, ConsistentRead: true }
    try {
      for await (const { Items = [] } of paginateScan({ client: this.servers.dynamodb }, scan)) {
        for (const row of Items) {
          if (row.leaseKey?.S && (row.entityType?.S ?? 'LEASE') === 'LEASE') leases.set(row.leaseKey.S, row)
        }
      }
    } catch (error) {
      if (!(error instanceof ResourceNotFoundException)) throw error // Whoever starts first is about to make it.
    }
    return new Map([...leases].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  /** Resolves when the condition holds of the table and of what else it asks. There is no event for what Java does. */
  async until(
    what: string,
    condition: (leases: Map<string, Row>) => boolean,
    application = APPLICATION,
  ): Promise<Map<string, Row>> {
    const deadline = performance.now() + WAIT_MS
    for (;;) {
      const leases = await this.leases(application)
      if (condition(leases)) return leases
      if (performance.now() > deadline) throw new Error(`${what} did not come:\n${this.#situation(leases)}`)
      await wait(100)
    }
  }

  async untilAllIsHandled(): Promise<void> {
    await this.until('the handling of every record', () => this.journal.missing(this.put).length === 0)
  }

  #situation(leases: Map<string, Row>): string {
    const rows = [...leases].map(
      ([key, row]) => `${key} ${row.leaseOwner?.S} ${row.leaseCounter?.N} ${row.checkpoint?.S}`,
    )
    const missing = this.journal.missing(this.put)
    const logs = this.#programs.filter(program => !program.ended).map(program => program.tail())
    return [...rows, `${missing.length} of ${this.put.length} not handled: ${missing.slice(0, 5)}`, ...logs].join('\n')
  }
}

/** The keys of the leases that are not ended and that this worker owns. */
export function ownedBy(worker: string, leases: Map<string, Row>): string[] {
  return [...leases].filter(([, row]) => isLive(row) && row.leaseOwner?.S === worker).map(([key]) => key)
}

export const isLive = (row: Row | undefined) => row !== undefined && row.checkpoint?.S !== 'SHARD_END'
