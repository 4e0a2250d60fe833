import path from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import { startDynamoDb } from '../../services/local/servers/dynamodb.ts'
import type { MemorySample } from '../contenders/slow-consumer.ts'
import { type Child, startChild } from '../lib/child.ts'
import { childEnv } from '../lib/child-env.ts'
import { withCleanup } from '../lib/cleanup.ts'
import type { Usage } from '../lib/probe.ts'
import type { Figure, Measurements } from '../lib/report.ts'
import { versionsOf } from '../lib/versions.ts'
import { startShards } from '../shards/index.ts'
import type { ShardsSettings } from '../shards/kinesis.ts'
import type { EntrySettings } from './entry.ts'

const MIB = 1024 ** 2

interface Work {
  shards: readonly number[]
  budgetBytes: number
  /** The time after which all idle shards have been read and code is compiled. */
  settleMs: number
  idleMs: number
  backlogMs: number
}

const WORK: Work = { shards: [8, 50, 200], budgetBytes: 64 * MIB, settleMs: 5_000, idleMs: 20_000, backlogMs: 60_000 }
const QUICK_WORK: Work = { shards: [2, 12], budgetBytes: 4 * MIB, settleMs: 200, idleMs: 500, backlogMs: 4_000 }

const RECORD_BYTES = 1_024
/** All shards together handle about this many records a second, which is less than their records. */
const RECORDS_PER_SECOND = 3_000
/** The default of the consumer, for each shard. */
const CONCURRENCY = 16
const SAMPLE_MS = 100

/**
 * Measures the memory of the consumer by the number of its shards: first of shards without records, then of shards that
 * are full of records behind a handler that is too slow for them.
 */
export async function memoryByShards({ quick, progress }: EntrySettings): Promise<Measurements> {
  const work = quick ? QUICK_WORK : WORK
  const one = await measureIdle(1, work)
  const contenders: Measurements['contenders'][number][] = []
  for (const shards of work.shards) {
    progress(`memory: ${shards} shards without records`)
    const idle = await measureIdle(shards, work)
    progress(`memory: ${shards} shards full of records`)
    const full = await measureBacklog(shards, work)
    contenders.push({
      name: `${shards} shards`,
      does: `services/consumer with default settings and ${shards} shards`,
      samples: {
        idleRssMiB: [idle.rss / MIB],
        overIdleMiB: [(full.peakRss - idle.rss) / MIB],
        bufferedMiB: [full.peakBuffered / MIB],
        shardsHandled: [full.shardsHandled],
        idleMiBPerShard: [(idle.rss - one.rss) / (shards - 1) / MIB],
        idleCpuPercentPerShard: [(idle.cpuPercent - one.cpuPercent) / (shards - 1)],
      },
    })
  }
  return {
    name: 'memory-by-shards',
    title: `shards full of records of 1 KiB in replies of up to 10 MiB, a handler that is too slow for them, a budget of ${work.budgetBytes / MIB} MiB`,
    figures: FIGURES,
    contenders,
    comparisons: [],
    versions: versionsOf(['@aws-sdk/client-kinesis']),
  }
}

const FIGURES: readonly Figure[] = [
  { key: 'idleRssMiB', label: 'idle RSS MiB', digits: 0 },
  { key: 'overIdleMiB', label: 'peak RSS over idle MiB', digits: 0 },
  { key: 'bufferedMiB', label: 'peak buffered MiB', digits: 1 },
  { key: 'shardsHandled', label: 'shards with handled records', digits: 0 },
  { key: 'idleMiBPerShard', label: 'idle MiB a shard', digits: 2 },
  { key: 'idleCpuPercentPerShard', label: 'idle % of a core a shard', digits: 3 },
]

async function measureIdle(shards: number, { settleMs, idleMs, budgetBytes }: Work) {
  return await withConsumer({ shards, kind: 'idle', budgetBytes }, async consumer => {
    await Promise.race([pass(settleMs), consumer.death])
    const before = await consumer.ask<Usage>('usage')
    const startedAt = performance.now()
    await Promise.race([pass(idleMs), consumer.death])
    const after = await consumer.ask<Usage>('usage')
    const elapsedMicros = (performance.now() - startedAt) * 1_000
    return { rss: after.rssBytes, cpuPercent: ((after.cpuMicros - before.cpuMicros) / elapsedMicros) * 100 }
  })
}

async function measureBacklog(shards: number, { backlogMs, budgetBytes }: Work) {
  return await withConsumer({ shards, kind: 'backlog', budgetBytes }, async consumer => {
    let [peakRss, peakBuffered, shardsHandled] = [0, 0, 0]
    const endsAt = performance.now() + backlogMs
    while (performance.now() < endsAt) {
      await Promise.race([pass(SAMPLE_MS), consumer.death])
      const sample = await consumer.ask<MemorySample>('memory')
      peakRss = Math.max(peakRss, sample.rss)
      peakBuffered = Math.max(peakBuffered, sample.buffered)
      shardsHandled = sample.shards
    }
    return { peakRss, peakBuffered, shardsHandled }
  })
}

interface ConsumerSettings extends Pick<ShardsSettings, 'shards' | 'kind'> {
  budgetBytes: number
}

/** Runs the consumer on a stream until every lease is held and the process has settled, and measures it. */
function withConsumer<T>(
  { shards, kind, budgetBytes }: ConsumerSettings,
  measure: (consumer: Child) => Promise<T>,
): Promise<T> {
  return withCleanup(async onEnd => {
    const dynamodb = await startDynamoDb({ host: '127.0.0.1', port: 0 })
    onEnd(() => dynamodb.stop())
    const stream = await startShards({ shards, kind, recordBytes: RECORD_BYTES, recordEveryMs: 0 })
    onEnd(() => stream.stop())
    const consumer = startChild({
      name: 'the slow consumer',
      entry: path.resolve(import.meta.dirname, `../contenders/slow-consumer${path.extname(import.meta.filename)}`),
      env: {
        ...childEnv({ aws: `http://127.0.0.1:${dynamodb.port}`, kinesis: stream.address, issuer: '' }),
        STREAM_NAME: 'shards',
        BUDGET_BYTES: String(budgetBytes),
        HANDLER_MS: String(Math.round((1_000 * CONCURRENCY * shards) / RECORDS_PER_SECOND)),
      },
    })
    onEnd(() => consumer.stop())
    while ((await consumer.ask<MemorySample>('memory')).held < shards) await Promise.race([pass(100), consumer.death])
    const measured = await measure(consumer)
    await stream.throttled()
    return measured
  })
}
