import { startDynamoDb } from '../../services/local/servers/dynamodb.ts'
import { withCleanup } from '../lib/cleanup.ts'
import type { Samples } from '../lib/report.ts'
import { interleave } from '../lib/rounds.ts'
import { versionsOf } from '../lib/versions.ts'
import { startSink } from '../sink/index.ts'
import { startSource } from '../source/index.ts'
import { fewUploadEvents, streamOf, uploadEvents } from '../source/profile.ts'
import type { Entry } from './entry.ts'
import { startBareCopy, startNotifyingWorker, startWorker, uploadsOf } from './worker-contenders.ts'
import { measureWork, type WorkerSample } from './worker-round.ts'

/** Enough for V8 to compile the code of both contenders. */
const WARM_UP_ROUNDS = 6
const QUICK_WARM_UP_ROUNDS = 1

/** Compares the cost of an upload in the worker with the minimum of reading and writing its object. */
export const worker: Entry = {
  name: 'worker',
  summary: 'uploads of 4 KiB: the worker, without and with a webhook, beside a bare GetObject and PutObject',
  run: ({ rounds, quick, progress }) =>
    withCleanup(async onEnd => {
      const profile = quick ? fewUploadEvents : uploadEvents
      const [stream, notifyingStream] = [streamOf('worker', profile), streamOf('notifying', profile)]
      const leases = await startDynamoDb({ host: '127.0.0.1', port: 0 })
      onEnd(() => leases.stop())
      const sink = await startSink(`http://127.0.0.1:${leases.port}`)
      onEnd(() => sink.stop())
      const source = await startSource([stream, notifyingStream])
      onEnd(() => source.stop())
      const servers = { sink, source, stream, profile }
      const contenders = [
        startWorker(servers),
        startNotifyingWorker({ ...servers, stream: notifyingStream }),
        startBareCopy(servers),
      ]
      for (const { stop } of contenders) onEnd(stop)

      progress('worker: warming up')
      for (const contender of contenders) {
        for (let i = 0; i < (quick ? QUICK_WARM_UP_ROUNDS : WARM_UP_ROUNDS); i++) await measureWork(contender, servers)
      }
      const samples = new Map(contenders.map(({ name }) => [name, [] as WorkerSample[]]))
      for (const [round, turns] of interleave(contenders, rounds).entries()) {
        progress(`worker: round ${round + 1} of ${rounds}`)
        for (const contender of turns) samples.get(contender.name)?.push(await measureWork(contender, servers))
      }
      await source.check()

      return {
        name: 'worker',
        title: `uploads of 4 KiB of text up to processed, ${uploadsOf(profile)} a round, rounds: ${rounds}`,
        figures: [
          { key: 'uploadsPerSecond', label: 'uploads/s', digits: 0 },
          { key: 'cpuMicrosPerUpload', label: 'CPU µs/upload', digits: 0 },
          { key: 'peakRssMiB', label: 'peak RSS MiB', digits: 0 },
        ],
        contenders: contenders.map(({ name, does }) => ({ name, does, samples: toSamples(samples.get(name) ?? []) })),
        comparisons: [
          ['worker', 'bare'],
          ['notifying worker', 'worker'],
        ],
        versions: versionsOf(['@aws-sdk/client-s3', '@aws-sdk/client-dynamodb']),
      }
    }),
}

function toSamples(rounds: readonly WorkerSample[]): Samples {
  return {
    uploadsPerSecond: rounds.map(sample => sample.uploadsPerSecond),
    cpuMicrosPerUpload: rounds.map(sample => sample.cpuMicrosPerUpload),
    peakRssMiB: rounds.slice(-1).map(sample => sample.peakRssMiB),
  }
}
