import path from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import { createLocalClients } from '../../services/local/clients.ts'
import { createStream } from '../../services/local/resources/kinesis.ts'
import { startDynamoDb } from '../../services/local/servers/dynamodb.ts'
import { startKinesis } from '../../services/local/servers/kinesis.ts'
import type { Acquisition } from '../contenders/takeover-worker.ts'
import { type Child, startChild } from '../lib/child.ts'
import { withCleanup } from '../lib/cleanup.ts'
import { BenchError } from '../lib/errors.ts'
import { interleave } from '../lib/rounds.ts'
import { percentile } from '../lib/statistics.ts'
import { versionsOf } from '../lib/versions.ts'
import type { Entry } from './entry.ts'

const STREAM_NAME = 'takeover'
const POLL_MS = 25

/** Default settings. The quick run only shows that the benchmark works. */
const WORK = { shards: 8, failoverMs: 10_000 }
const QUICK_WORK = { shards: 2, failoverMs: 1_000 }

type Departure = 'graceful' | 'crash'

/** Measures how long the shards of a worker that stops or is killed are read by nobody. */
export const takeover: Entry = {
  name: 'takeover',
  summary: 'from the end of a worker until each of its leases is taken, after SIGTERM and after kill -9',
  run: ({ rounds, quick, progress }) =>
    withCleanup(async onEnd => {
      const { shards, failoverMs } = quick ? QUICK_WORK : WORK
      const urls = await startServers(onEnd, shards)
      const start = (name: string) => {
        const env = { ...urls, STREAM_NAME, APPLICATION_NAME: STREAM_NAME, FAILOVER_MS: String(failoverMs) }
        const child = startChild({ name, entry: ENTRY, env })
        onEnd(() => child.stop())
        return child
      }
      const heir = start('heir')
      await until(heir, shards)

      const waits: Record<Departure, number[]> = { graceful: [], crash: [] }
      for (const [round, turns] of interleave<Departure>(['graceful', 'crash'], rounds).entries()) {
        progress(`takeover: round ${round + 1} of ${rounds}`)
        for (const departure of turns) {
          const leaver = start('leaver')
          await until(leaver, shards / 2)
          waits[departure].push(...(await measure(departure, leaver, heir, shards)))
        }
      }

      const contender = (name: Departure, does: string) => ({
        name,
        does,
        samples: { p50Ms: [percentile(waits[name], 0.5)], p99Ms: [percentile(waits[name], 0.99)] },
      })
      return {
        name: 'takeover',
        title: `${shards / 2} leases a departure, ${rounds} departures of each kind, failover time ${failoverMs} ms`,
        figures: [
          { key: 'p50Ms', label: 'p50 ms', digits: 0 },
          { key: 'p99Ms', label: 'p99 ms', digits: 0 },
        ],
        contenders: [
          contender('graceful', 'SIGTERM: the worker drains, writes its checkpoints and releases its leases'),
          contender('crash', 'kill -9: its leases expire'),
        ],
        comparisons: [],
        versions: versionsOf(['@aws-sdk/client-kinesis', '@aws-sdk/client-dynamodb']),
      }
    }),
}

const ENTRY = path.resolve(import.meta.dirname, `../contenders/takeover-worker${path.extname(import.meta.filename)}`)

async function startServers(onEnd: (close: () => unknown) => void, shards: number) {
  const at = { host: '127.0.0.1', port: 0 }
  const onFailure = (error: Error) => {
    throw error
  }
  const kinesis = await startKinesis({ ...at, onFailure })
  onEnd(() => kinesis.stop())
  const dynamodb = await startDynamoDb(at)
  onEnd(() => dynamodb.stop())
  const urls = {
    KINESIS_URL: `http://127.0.0.1:${kinesis.port}`,
    DYNAMODB_URL: `http://127.0.0.1:${dynamodb.port}`,
  }
  const clients = createLocalClients({
    s3: 'http://127.0.0.1:9',
    kinesis: urls.KINESIS_URL,
    dynamodb: urls.DYNAMODB_URL,
  })
  onEnd(() => clients.destroy())
  await createStream(clients.kinesis, { name: STREAM_NAME, shards, retentionHours: 24 })
  return urls
}

/** Resolves to the time from the signal until another worker takes each lease, in milliseconds. */
async function measure(departure: Departure, leaver: Child, heir: Child, shards: number): Promise<number[]> {
  const pid = await leaver.ask<number>('pid')
  const before = (await heir.ask<Acquisition[]>('acquisitions')).length
  const signalledAt = Date.now()
  if (departure === 'crash') process.kill(pid, 'SIGKILL')
  await leaver.stop()
  await until(heir, shards)
  const taken = (await heir.ask<Acquisition[]>('acquisitions')).slice(before)
  return taken.map(({ at }) => at - signalledAt)
}

async function until(worker: Child, shards: number): Promise<void> {
  const deadline = Date.now() + 60_000
  while ((await worker.ask<number>('shards')) < shards) {
    if (Date.now() > deadline) throw new BenchError(`${worker.name} did not get ${shards} shards within a minute.`)
    await pass(POLL_MS)
  }
}
