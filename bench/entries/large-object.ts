import path from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import { names } from '../../services/platform/resources.ts'
import type { LargeObjectSample } from '../contenders/large-object.ts'
import type { LargeObjectCounts } from '../large/server.ts'
import { textBytes, upperBytes } from '../large/text.ts'
import { type Child, startChild } from '../lib/child.ts'
import { childEnv } from '../lib/child-env.ts'
import { withCleanup } from '../lib/cleanup.ts'
import { BenchError } from '../lib/errors.ts'
import type { Usage } from '../lib/probe.ts'
import { versionsOf } from '../lib/versions.ts'
import type { Entry } from './entry.ts'
import { verdictOn } from './memory.ts'

const MIB = 1024 ** 2
const OBJECT_BYTES = 5 * 1024 * MIB
/** Several times the memory that may be used. */
const QUICK_OBJECT_BYTES = 512 * MIB
const SAMPLE_MS = 250
/** The first part of the samples is the start, in which code is compiled and the heap grows to its size. */
const START = 1 / 4

/** Measures whether memory stays flat while the processor transforms an object that does not fit into memory. */
export const largeObject: Entry = {
  name: 'large-object',
  summary: 'memory of the worker’s processor while a text of 5 GiB goes through it',
  byNameOnly: true,
  run: ({ quick, progress }) =>
    withCleanup(async onEnd => {
      const bytes = textBytes(quick ? QUICK_OBJECT_BYTES : OBJECT_BYTES)
      const start = (name: string, file: string, env: NodeJS.ProcessEnv) => {
        const entry = path.resolve(import.meta.dirname, `../${file}${path.extname(import.meta.filename)}`)
        const child = startChild({ name, entry, env: { ...env, OBJECT_BYTES: String(bytes) } })
        onEnd(() => child.stop())
        return child
      }
      const server = start('the server of the large object', 'large/server', {})
      const aws = await server.waitFor<string>('ready')
      const processor = start('the processor', 'contenders/large-object', {
        ...childEnv({ aws, kinesis: aws, issuer: '' }),
        PROCESSED_BUCKET: names.processedBucket,
      })
      await processor.waitFor('ready')

      const before = await processor.ask<Usage>('usage')
      const startedAt = performance.now()
      await processor.ask('go')
      const samples = await watch(processor, server, { bytes, progress })
      const seconds = (performance.now() - startedAt) / 1_000
      const after = await processor.ask<Usage>('usage')
      check(await server.ask<LargeObjectCounts>('counts'), upperBytes(bytes))

      const steady = samples.slice(Math.floor(samples.length * START))
      const gib = bytes / 1024 ** 3
      return {
        name: 'large-object',
        title: `one text of ${gib.toFixed(2)} GiB, upper-cased into one of ${(upperBytes(bytes) / 1024 ** 3).toFixed(2)} GiB, with every byte verified`,
        figures: [
          { key: 'rssMiB', label: 'RSS MiB', digits: 0 },
          { key: 'heapMiB', label: 'heap MiB', digits: 0 },
          { key: 'externalMiB', label: 'external MiB', digits: 0 },
          { key: 'peakRssMiB', label: 'peak RSS MiB', digits: 0 },
          { key: 'cpuSecondsPerGiB', label: 'CPU s/GiB', digits: 1 },
          { key: 'mibPerSecond', label: 'MiB/s', digits: 0 },
        ],
        contenders: [
          {
            name: 'headgate',
            does: `the processor of the worker, without a stream; figures of the last ${1 - START} of the time`,
            samples: {
              rssMiB: steady.map(({ rss }) => rss / MIB),
              heapMiB: steady.map(({ heapUsed }) => heapUsed / MIB),
              externalMiB: steady.map(({ external }) => external / MIB),
              peakRssMiB: [after.peakRssBytes / MIB],
              cpuSecondsPerGiB: [(after.cpuMicros - before.cpuMicros) / 1e6 / gib],
              mibPerSecond: [bytes / MIB / seconds],
            },
          },
        ],
        comparisons: [],
        versions: versionsOf(['@aws-sdk/client-s3']),
        verdict: verdictOn(steady),
      }
    }),
}

interface WatchSettings {
  bytes: number
  progress(line: string): void
}

/** Samples the processor's memory until it has finished. */
async function watch(
  processor: Child,
  server: Child,
  { bytes, progress }: WatchSettings,
): Promise<LargeObjectSample[]> {
  const samples: LargeObjectSample[] = []
  let isDone = false
  const done = processor.waitFor('done').then(() => {
    isDone = true
  })
  while (!isDone) {
    await Promise.race([pass(SAMPLE_MS), done, server.death])
    const sample = await processor.ask<LargeObjectSample>('memory')
    samples.push(sample)
    if (samples.length % 20 !== 0) continue
    const counts = await server.ask<LargeObjectCounts>('counts')
    const percent = ((counts.bytes / upperBytes(bytes)) * 100).toFixed(0).padStart(3)
    progress(`large-object: ${percent} %, RSS ${(sample.rss / MIB).toFixed(0)} MiB`)
  }
  return samples
}

/** @throws BenchError if the output is not complete, correct, and one object */
function check(counts: LargeObjectCounts, expected: number): void {
  const { bytes, wrong, completed, aborted, updates, unknown } = counts
  const isRight = bytes === expected && wrong === 0 && completed === 1 && aborted === 0 && updates > 0 && unknown === ''
  if (!isRight) throw new BenchError(`The output is wrong: ${JSON.stringify({ ...counts, expected })}`)
}
