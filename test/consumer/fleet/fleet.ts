import path from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import { type DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb'
import type { Test } from 'tap'
import { type Program, runProgram, until } from '../../support/processes.ts'
import { APPLICATION, type StreamFixture } from '../support.ts'
import { type Evidence, type FleetEvent, findViolations } from './checker.ts'

const program = path.resolve(import.meta.dirname, 'worker-program.ts')
const WATCH_MS = 50

export interface Fleet {
  /** Starts a worker process. */
  join(name: string): Program
  /** Puts the next numbers of each key on the stream. */
  put(count: number): Promise<void>
  /** Resolves once every record is handled. */
  untilHandled(): Promise<void>
  /** Resolves once the worker has this many shards, according to its log. */
  untilHolds(name: string, shards: number): Promise<void>
  /** Returns the violations of the guarantees in the logs and the table. */
  violations(): string[]
}

export interface FleetSettings {
  keys: number
  failoverMs: number
  /** How long a handler takes, in milliseconds. */
  workMs: number
}

/** Worker processes on one stream, their logs, and every checkpoint read from the table. */
export function assembleFleet(t: Pick<Test, 'teardown'>, stream: StreamFixture, settings: FleetSettings): Fleet {
  const programs = new Map<string, Program>()
  const sent = new Map<string, number[]>()
  const checkpoints = watchCheckpoints(t, stream)
  let next = 0

  const events = () => [...programs.values()].flatMap(({ stdout }) => parse(stdout()))
  const evidence = (): Evidence => ({ sent, events: events(), checkpoints })

  return {
    join(name) {
      const env = {
        KINESIS_URL: stream.urls.kinesis,
        DYNAMODB_URL: stream.urls.dynamodb,
        WORKER_ID: name,
        FAILOVER_MS: String(settings.failoverMs),
        WORK_MS: String(settings.workMs),
      }
      const worker = runProgram(t, [program], { env })
      programs.set(name, worker)
      return worker
    },
    async put(count) {
      const records = Array.from({ length: count }, () => {
        const key = `key-${next % settings.keys}`
        const n = next++
        sent.set(key, [...(sent.get(key) ?? []), n])
        return { key, data: String(n) }
      })
      await stream.put(records)
    },
    async untilHandled() {
      const total = [...sent.values()].flat().length
      const handled = () => new Set(events().flatMap(e => (e.event === 'handled' ? [e.n] : []))).size
      await until(() => handled() === total, { timeoutMs: 60_000, what: `the end of ${total} records` })
    },
    async untilHolds(name, shards) {
      const holds = () => {
        const held = new Set<string>()
        for (const event of events()) {
          if (event.worker !== name) continue
          if (event.event === 'acquired') held.add(event.shardId)
          if (event.event === 'lost') held.delete(event.shardId)
        }
        return held.size
      }
      await until(() => holds() === shards, { timeoutMs: 30_000, what: `${shards} shards for ${name}` })
    },
    violations: () => findViolations(evidence()),
  }
}

/** The last line of a killed worker may be cut off. */
function parse(log: string): FleetEvent[] {
  return log
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line) as FleetEvent)
}

/** Polls until the test ends. A running poll is awaited, because the server stops next. */
function watchCheckpoints(t: Pick<Test, 'teardown'>, { dynamodb }: StreamFixture): Map<string, string[]> {
  const seen = new Map<string, string[]>()
  const ending = new AbortController()
  const watching = (async () => {
    while (!ending.signal.aborted) {
      await look(dynamodb, seen)
      await pass(WATCH_MS, undefined, { signal: ending.signal }).catch(() => undefined)
    }
  })()
  t.teardown(() => {
    ending.abort()
    return watching
  })
  return seen
}

async function look(dynamodb: DynamoDBClient, seen: Map<string, string[]>): Promise<void> {
  try {
    const { Items = [] } = await dynamodb.send(new ScanCommand({ TableName: APPLICATION, ConsistentRead: true }))
    for (const { leaseKey, checkpoint } of Items) {
      const list = seen.get(leaseKey?.S ?? '') ?? []
      if (checkpoint?.S && list.at(-1) !== checkpoint.S) list.push(checkpoint.S)
      seen.set(leaseKey?.S ?? '', list)
    }
  } catch (error) {
    // The table does not exist before the first worker has created it.
    if (!(error instanceof Error && error.name === 'ResourceNotFoundException')) throw error
  }
}
