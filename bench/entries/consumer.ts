import { startDynamoDb } from '../../services/local/servers/dynamodb.ts'
import { withCleanup } from '../lib/cleanup.ts'
import type { Figure, Samples } from '../lib/report.ts'
import { interleave } from '../lib/rounds.ts'
import { versionsOf } from '../lib/versions.ts'
import { type Source, startSource } from '../source/index.ts'
import { quickSizes, SHARDS, type SizeProfile, streamOf, sizes as wholeSizes } from '../source/profile.ts'
import {
  type ConsumerContender,
  headgate,
  LIFION,
  lifion,
  lifionVersion,
  type RunningConsumer,
  type Servers,
  sdkHttp1Loop,
  sdkLoop,
  startConsumer,
} from './consumer-contenders.ts'
import { type ConsumerSample, measureRound } from './consumer-round.ts'
import type { Entry, EntrySettings } from './entry.ts'
import { KCL_VERSION, kcl, startLeaseTableForKcl, whyWithoutKcl } from './kcl-contender.ts'

/** Enough for V8 to compile the code of every contender: the first rounds cost twice as much. */
const WARM_UP_ROUNDS = 8
const QUICK_WARM_UP_ROUNDS = 1

/**
 * Compares the consumer with lifion-kinesis, KCL for Java and a loop of the SDK's GetRecords, with a handler that does
 * nothing.
 */
export const consumer: Entry = {
  name: 'consumer',
  summary:
    'records of 100 B, 1 KiB and 10 KiB, no-op handler: the consumer beside lifion-kinesis, KCL and a GetRecords loop',
  run: settings =>
    withCleanup(async onEnd => {
      const rival = lifion()
      if (!rival) settings.progress(`consumer: without ${LIFION}, which is not installed here`)
      const withoutKcl = await whyWithoutKcl(settings.quick)
      if (withoutKcl !== undefined) settings.progress(`consumer: without KCL: ${withoutKcl}`)
      const java: ConsumerContender[] = []
      if (withoutKcl === undefined) java.push(kcl(`http://127.0.0.1:${await startLeaseTableForKcl(onEnd)}`))
      const contenders = [headgate, ...(rival ? [rival] : []), sdkLoop, sdkHttp1Loop, ...java]
      const dynamodb = await startDynamoDb({ host: '127.0.0.1', port: 0 })
      onEnd(() => dynamodb.stop())
      const sizes = settings.quick ? quickSizes : wholeSizes
      const source = await startSource(contenders.flatMap(({ name }) => sizes.map(size => streamOf(name, size))))
      onEnd(() => source.stop())
      const servers = { source: source.addresses, dynamodb: `http://127.0.0.1:${dynamodb.port}` }

      const samples = new Map(contenders.map(({ name }) => [name, {} as Record<string, number[]>]))
      for (const size of sizes) {
        const measured = await measureSize(size, contenders, { ...settings, source, servers })
        for (const [name, rounds] of measured) Object.assign(samples.get(name) ?? {}, toSamples(size, rounds))
      }
      await source.check()

      return {
        name: 'consumer',
        title: `a stream of ${SHARDS} shards, a no-op handler, rounds: ${settings.rounds}`,
        figures: sizes.flatMap(figuresOf),
        contenders: contenders.map(({ name, does }) => ({ name, does, samples: samples.get(name) ?? {} })),
        comparisons: contenders.slice(1).map(({ name }) => ['headgate', name] as const),
        versions: {
          ...versionsOf(['@aws-sdk/client-kinesis', '@smithy/node-http-handler']),
          ...(rival && { [LIFION]: lifionVersion() }),
          ...(withoutKcl === undefined && { 'amazon-kinesis-client': KCL_VERSION }),
        },
      }
    }),
}

interface SizeSettings extends EntrySettings {
  source: Source
  servers: Servers
}

/** Consumers run for one record size at a time, because idle ones would still renew their leases. */
function measureSize(
  size: SizeProfile,
  contenders: readonly ConsumerContender[],
  { rounds, quick, progress, source, servers }: SizeSettings,
): Promise<Map<string, ConsumerSample[]>> {
  return withCleanup(async onEnd => {
    const turns = new Map<string, number>()
    const running: RunningConsumer[] = []
    for (const contender of contenders) {
      const one = await startConsumer(contender, size, servers)
      onEnd(() => one.child.stop())
      running.push(one)
    }
    const measure = (one: RunningConsumer) => {
      const round = (turns.get(one.contender) ?? 0) + 1
      turns.set(one.contender, round)
      return measureRound(one, round, source)
    }

    progress(`consumer: ${size.label}, warming up`)
    const warmUp = quick ? QUICK_WARM_UP_ROUNDS : WARM_UP_ROUNDS
    for (const one of running) for (let i = 0; i < warmUp * one.warmUp; i++) await measure(one)

    const samples = new Map(running.map(({ contender }) => [contender, [] as ConsumerSample[]]))
    for (const [round, order] of interleave(running, rounds).entries()) {
      progress(`consumer: ${size.label}, round ${round + 1} of ${rounds}`)
      for (const one of order) samples.get(one.contender)?.push(await measure(one))
    }
    return samples
  })
}

const figuresOf = ({ label }: SizeProfile): Figure[] => [
  { key: `cpuMicrosPerRecord${label}`, label: `CPU µs/record, ${label}`, digits: 2 },
  { key: `recordsPerSecond${label}`, label: `records/s, ${label}`, digits: 0 },
]

function toSamples({ label }: SizeProfile, rounds: readonly ConsumerSample[]): Samples {
  return {
    [`cpuMicrosPerRecord${label}`]: rounds.map(sample => sample.cpuMicrosPerRecord),
    [`recordsPerSecond${label}`]: rounds.map(sample => sample.recordsPerSecond),
  }
}
