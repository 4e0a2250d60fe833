import path from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import { startDynamoDb } from '../../services/local/servers/dynamodb.ts'
import type { LatencySample } from '../contenders/latency-consumer.ts'
import { type Child, startChild } from '../lib/child.ts'
import { childEnv } from '../lib/child-env.ts'
import { withCleanup } from '../lib/cleanup.ts'
import { BenchError } from '../lib/errors.ts'
import type { Figure, Samples } from '../lib/report.ts'
import { percentile } from '../lib/statistics.ts'
import { versionsOf } from '../lib/versions.ts'
import { startShards } from '../shards/index.ts'
import type { Entry } from './entry.ts'

interface Work {
  applications: readonly number[]
  shards: number
  recordEveryMs: number
  /** The time after which the applications have found their pace. */
  settleMs: number
  measureMs: number
}

const WORK: Work = {
  applications: [1, 2, 3],
  shards: 4,
  recordEveryMs: 50,
  settleMs: 30_000,
  measureMs: 60_000,
}
const QUICK_WORK: Work = { ...WORK, applications: [1, 2], settleMs: 500, measureMs: 1_500 }

/** Measures what applications with default settings cost each other when they poll the same stream. */
export const neighbours: Entry = {
  name: 'neighbours',
  summary:
    'latency and throttled calls of one, two and three applications that poll one stream with the limits of Kinesis',
  byNameOnly: true,
  async run({ quick, progress }) {
    const work = quick ? QUICK_WORK : WORK
    const contenders: Array<{ name: string; does: string; samples: Samples }> = []
    for (const count of work.applications) {
      progress(`neighbours: ${count} applications`)
      contenders.push({
        name: `${count} applications`,
        does: `${count} of services/consumer with default settings, each in its own process`,
        samples: await measure(count, work),
      })
    }
    const { shards, recordEveryMs } = work
    return {
      name: 'neighbours',
      title: `${shards} shards that each receive a record every ${recordEveryMs} ms and allow 5 GetRecords and 2 MiB a second`,
      figures: FIGURES,
      contenders,
      comparisons: [],
      versions: versionsOf(['@aws-sdk/client-kinesis']),
    }
  },
}

const FIGURES: readonly Figure[] = [
  { key: 'p50Ms', label: 'p50 ms', digits: 0 },
  { key: 'p99Ms', label: 'p99 ms', digits: 0 },
  { key: 'worstP99Ms', label: 'p99 ms of the slowest', digits: 0 },
  { key: 'throttledPerSecondAndShard', label: 'throttled calls/s a shard', digits: 2 },
  { key: 'faultsPerMinute', label: 'fault events/min', digits: 0 },
]

function measure(count: number, work: Work): Promise<Samples> {
  const { shards, recordEveryMs, settleMs, measureMs } = work
  return withCleanup(async onEnd => {
    const dynamodb = await startDynamoDb({ host: '127.0.0.1', port: 0 })
    onEnd(() => dynamodb.stop())
    const stream = await startShards({ shards, kind: 'live', recordBytes: 1, recordEveryMs })
    onEnd(() => stream.stop())
    const applications = Array.from({ length: count }, (_, index) => {
      const application = startChild({
        name: `application ${index + 1}`,
        entry: path.resolve(import.meta.dirname, `../contenders/latency-consumer${path.extname(import.meta.filename)}`),
        env: {
          ...childEnv({ aws: `http://127.0.0.1:${dynamodb.port}`, kinesis: stream.address, issuer: '' }),
          STREAM_NAME: 'shards',
          APPLICATION_NAME: `application-${index + 1}`,
        },
      })
      onEnd(() => application.stop())
      return application
    })
    const sampleAll = () => Promise.all(applications.map(one => one.ask<LatencySample>('sample')))
    const wait = (ms: number) => Promise.race([pass(ms), ...applications.map(({ death }: Child) => death)])
    while ((await sampleAll()).some(({ held }) => held < shards)) await wait(100)
    await wait(settleMs)

    const before = await sampleAll()
    const throttledBefore = await stream.throttled()
    await wait(measureMs)
    const after = await sampleAll()
    const throttled = (await stream.throttled()) - throttledBefore
    const byApplication = after.map(({ latencies }) => latencies)
    if (byApplication.some(latencies => latencies.length === 0)) throw new BenchError('An application read no record.')
    const all = byApplication.flat()
    const faults = after.reduce((sum, sample, index) => sum + sample.faults - (before[index]?.faults ?? 0), 0)
    return {
      p50Ms: [percentile(all, 0.5)],
      p99Ms: [percentile(all, 0.99)],
      worstP99Ms: [Math.max(...byApplication.map(latencies => percentile(latencies, 0.99)))],
      throttledPerSecondAndShard: [throttled / shards / (measureMs / 1_000)],
      faultsPerMinute: [faults / (measureMs / 60_000)],
    }
  })
}
