import { withCleanup } from '../lib/cleanup.ts'
import { startIssuer } from '../lib/issuer.ts'
import type { Samples } from '../lib/report.ts'
import { interleave } from '../lib/rounds.ts'
import { versionsOf } from '../lib/versions.ts'
import { startSink } from '../sink/index.ts'
import { startHeadgate, startTutorial } from './api-contenders.ts'
import { measureUploads, type Sample } from './api-round.ts'
import type { Entry } from './entry.ts'

// Many short rounds, so that both contenders of a pair run under the same load from other programs.
const WORK = { uploads: 500, warmUp: 1_000, connections: 16 }
const QUICK_WORK = { uploads: 20, warmUp: 10, connections: 4 }

/** Compares the whole api with a typical first version. */
export const api: Entry = {
  name: 'api',
  summary: 'POST /uploads of 4 KiB: the api beside a plain PutObject and PutRecord',
  run: ({ rounds, quick, progress }) =>
    withCleanup(async onEnd => {
      const { uploads, warmUp, connections } = quick ? QUICK_WORK : WORK
      const issuer = await startIssuer()
      onEnd(() => issuer.stop())
      const sink = await startSink()
      onEnd(() => sink.stop())
      const headgate = await startHeadgate(sink.addresses, issuer)
      onEnd(() => headgate.stop())
      const tutorial = await startTutorial(sink.addresses, issuer)
      onEnd(() => tutorial.stop())

      const contenders = [headgate, tutorial]
      const load = { token: issuer.token, sink, connections }
      progress(`api: ${warmUp} uploads each to warm up`)
      for (const contender of contenders) await measureUploads(contender, { ...load, uploads: warmUp })

      const samples = new Map(contenders.map(({ name }) => [name, [] as Sample[]]))
      for (const [round, turns] of interleave(contenders, rounds).entries()) {
        progress(`api: round ${round + 1} of ${rounds}`)
        for (const contender of turns) {
          samples.get(contender.name)?.push(await measureUploads(contender, { ...load, uploads }))
        }
      }

      return {
        name: 'api',
        title: `POST /uploads of 4 KiB as JSON, ${uploads} uploads a round, ${connections} connections, rounds: ${rounds}`,
        figures: [
          { key: 'uploadsPerSecond', label: 'uploads/s', digits: 0 },
          { key: 'cpuMicrosPerUpload', label: 'CPU µs/upload', digits: 0 },
          { key: 'peakRssMiB', label: 'peak RSS MiB', digits: 0 },
        ],
        contenders: contenders.map(({ name, does }) => ({ name, does, samples: toSamples(samples.get(name) ?? []) })),
        comparisons: [['headgate', 'tutorial']],
        versions: versionsOf(['fastify', '@aws-sdk/client-s3', '@aws-sdk/client-kinesis']),
      }
    }),
}

function toSamples(rounds: readonly Sample[]): Samples {
  return {
    uploadsPerSecond: rounds.map(sample => sample.uploadsPerSecond),
    cpuMicrosPerUpload: rounds.map(sample => sample.cpuMicrosPerUpload),
    // The peak of a process never falls, so there is one sample for the whole run.
    peakRssMiB: rounds.slice(-1).map(sample => sample.peakRssMiB),
  }
}
