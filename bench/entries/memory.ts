import path from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import { startDynamoDb } from '../../services/local/servers/dynamodb.ts'
import type { MemorySample } from '../contenders/slow-consumer.ts'
import { type Child, startChild } from '../lib/child.ts'
import { childEnv } from '../lib/child-env.ts'
import { withCleanup } from '../lib/cleanup.ts'
import type { Figure, Measurements } from '../lib/report.ts'
import { trendOf } from '../lib/trend.ts'
import { versionsOf } from '../lib/versions.ts'
import { startSource } from '../source/index.ts'
import { SHARDS } from '../source/profile.ts'
import type { Entry, EntrySettings } from './entry.ts'
import { memoryByShards } from './memory-by-shards.ts'

const MIB = 1024 ** 2
const STREAM_NAME = 'memory-1KiB'

interface Work {
  budgetBytes: number
  handlerMs: number
  sampleMs: number
  /** The number of handled records at which the run ends. Left out: the run ends by time. */
  records?: number
}

/** 16 handlers for each of four shards process about 3,000 records a second, of the 8,000 that can be read. */
const HANDLER_MS = 20
const WORK: Work = { budgetBytes: 64 * MIB, handlerMs: HANDLER_MS, sampleMs: 5_000 }
/** Several times the budget. */
const QUICK_WORK: Work = { budgetBytes: 4 * MIB, handlerMs: HANDLER_MS, sampleMs: 100, records: 16_000 }

/** The first part of the time is the start, in which code is compiled and the heap grows to its size. */
const START = 1 / 4
/** Memory of a process that leaks nothing varies by more than this, but not in one direction. */
const MAX_GROWTH = 0.05

/** Measures memory by the number of shards, and whether it grows, while records arrive faster than they are handled. */
export const memory: Entry = {
  name: 'memory',
  summary: 'memory of the consumer behind a handler that is too slow for its 8, 50 and 200 shards, and over --minutes',
  byNameOnly: true,
  run: async settings => [await memoryByShards(settings), await memoryOverTime(settings)],
}

function memoryOverTime({ quick, minutes, progress }: EntrySettings): Promise<Measurements> {
  return withCleanup(async onEnd => {
    const work = quick ? QUICK_WORK : WORK
    const dynamodb = await startDynamoDb({ host: '127.0.0.1', port: 0 })
    onEnd(() => dynamodb.stop())
    const source = await startSource([STREAM_NAME])
    onEnd(() => source.stop())
    await source.open(STREAM_NAME)
    const consumer = startChild({
      name: 'the slow consumer',
      entry: path.resolve(import.meta.dirname, `../contenders/slow-consumer${path.extname(import.meta.filename)}`),
      env: {
        ...childEnv({ aws: `http://127.0.0.1:${dynamodb.port}`, kinesis: source.addresses.http, issuer: '' }),
        STREAM_NAME,
        BUDGET_BYTES: String(work.budgetBytes),
        HANDLER_MS: String(work.handlerMs),
      },
    })
    onEnd(() => consumer.stop())

    const endsAt = performance.now() + minutes * 60_000
    const isOver = ({ handled }: MemorySample) =>
      work.records === undefined ? performance.now() >= endsAt : handled >= work.records
    const samples = await watch(consumer, { ...work, isOver, progress })
    await source.check()
    const steady = samples.slice(Math.floor(samples.length * START))

    return {
      name: 'memory',
      title: `a stream of ${SHARDS} shards and records of 1 KiB, a handler of ${work.handlerMs} ms, a budget of ${work.budgetBytes / MIB} MiB, ${work.records === undefined ? `${minutes} minutes` : `${work.records} records`}`,
      figures: FIGURES,
      contenders: [
        {
          name: 'headgate',
          does: `services/consumer with default settings; figures of the last ${1 - START} of the time, RSS including Node itself`,
          samples: Object.fromEntries(
            FIGURES.map(({ key }) => [key, (key === 'handled' ? samples.slice(-1) : steady).map(toFigures(key))]),
          ),
        },
      ],
      comparisons: [],
      versions: versionsOf(['@aws-sdk/client-kinesis']),
      verdict: verdictOn(steady),
    }
  })
}

const FIGURES = [
  { key: 'rssMiB', label: 'RSS MiB', digits: 0 },
  { key: 'heapMiB', label: 'heap MiB', digits: 0 },
  { key: 'externalMiB', label: 'external MiB', digits: 0 },
  { key: 'bufferedMiB', label: 'buffered MiB', digits: 1 },
  { key: 'handled', label: 'records handled', digits: 0 },
] as const satisfies Figure[]

const toFigures = (key: (typeof FIGURES)[number]['key']) => (sample: MemorySample) => {
  const { rss, heapUsed, external, buffered, handled } = sample
  const figures = { rssMiB: rss, heapMiB: heapUsed, externalMiB: external, bufferedMiB: buffered }
  return key === 'handled' ? handled : figures[key] / MIB
}

interface WatchSettings {
  sampleMs: number
  isOver(sample: MemorySample): boolean
  progress(line: string): void
}

async function watch(consumer: Child, { sampleMs, isOver, progress }: WatchSettings): Promise<MemorySample[]> {
  const samples: MemorySample[] = []
  const startedAt = performance.now()
  for (;;) {
    await Promise.race([pass(sampleMs), consumer.death])
    const sample = await consumer.ask<MemorySample>('memory')
    samples.push(sample)
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0).padStart(4)
    const sizes = FIGURES.map(({ key, label, digits }) => `${label} ${toFigures(key)(sample).toFixed(digits)}`)
    progress(`memory: ${seconds} s, ${sizes.join(', ')}`)
    if (isOver(sample) && samples.length >= MIN_SAMPLES) return samples
  }
}

const MIN_SAMPLES = 4

/** Returns a sentence that says whether memory grows, by the line that fits the samples. */
export function verdictOn(samples: ReadonlyArray<Pick<MemorySample, 'rss' | 'heapUsed' | 'external'>>): string {
  const rss = trendOf(samples.map(sample => sample.rss))
  const held = trendOf(samples.map(sample => sample.heapUsed + sample.external))
  const isFlat = Math.max(rss.relativeGrowth, held.relativeGrowth) <= MAX_GROWTH
  const formatted = ({ growth, relativeGrowth }: typeof rss) =>
    `${(growth / MIB).toFixed(1)} MiB (${(relativeGrowth * 100).toFixed(1)} %)`
  return `${isFlat ? 'Flat' : 'Growing'}: along the line through its samples RSS moved by ${formatted(rss)}, heap and external memory by ${formatted(held)}.`
}
