import { httpUpload } from '../../image/upload-event.ts'
import { signIn } from '../../services/local/cognito-wire.ts'
import { startEmbeddedAws } from '../../services/local/embedded-aws.ts'
import { buildImage, dockerMissing } from '../lambda/docker.ts'
import { startFunction } from '../lambda/function.ts'
import { withCleanup } from '../lib/cleanup.ts'
import { BenchError } from '../lib/errors.ts'
import { interleave } from '../lib/rounds.ts'
import { versionsOf } from '../lib/versions.ts'
import type { Entry } from './entry.ts'

const HANDLER = 'dist/services/api/lambda.handler'

interface Variant {
  name: string
  does: string
  target: 'runtime' | 'unbundled'
  options?: readonly string[]
}

const VARIANTS: readonly Variant[] = [
  { name: 'unbundled', does: "tsc's JavaScript and all of node_modules", target: 'unbundled' },
  {
    name: 'bundled',
    does: 'the image without its compile cache',
    target: 'runtime',
    // An empty file system hides the cache.
    options: ['--tmpfs', '/app/dist/services/.compile-cache'],
  },
  { name: 'image', does: 'the image: bundled and compiled ahead', target: 'runtime' },
]

const FIGURES = [
  { key: 'initCpuMs', label: 'init CPU ms', digits: 0 },
  { key: 'firstCpuMs', label: 'first response CPU ms', digits: 0 },
  { key: 'initMs', label: 'init ms', digits: 0 },
  { key: 'firstMs', label: 'first response ms', digits: 0 },
] as const

type Sample = Record<(typeof FIGURES)[number]['key'], number>

/** Measures a cold start of the api as a Lambda function, up to its first response, under AWS's runtime client. */
export const coldStart: Entry = {
  name: 'cold-start',
  summary: 'the cold start of the api as a Lambda function, bundled and unbundled. Needs a Docker engine',
  byNameOnly: true,
  run: ({ rounds, progress }) =>
    withCleanup(async onEnd => {
      const missing = await dockerMissing()
      if (missing !== undefined) throw new BenchError(`cold-start cannot be measured here: ${missing}.`)
      progress('cold-start: building the images')
      const images = { unbundled: await buildImage('unbundled'), runtime: await buildImage('runtime') }
      const aws = await startEmbeddedAws()
      onEnd(() => aws.stop())
      const clientId = aws.env.COGNITO_CLIENT_ID ?? ''
      const { idToken } = await signIn(aws.endpoints.cognito, { ...aws.user, clientId })

      const samples = new Map<string, Sample[]>(VARIANTS.map(({ name }) => [name, []]))
      for (const [round, turns] of interleave(VARIANTS, rounds).entries()) {
        progress(`cold-start: round ${round + 1} of ${rounds}`)
        for (const { name, target, options = [] } of turns) {
          const env = { ...aws.env, LOG_LEVEL: 'warn' }
          samples.get(name)?.push(await measure({ image: images[target], handler: HANDLER, env, options }, idToken))
        }
      }
      return {
        name: 'cold-start',
        title: `a cold start of the api's function up to its first response, to an upload of a few bytes; ${rounds} starts each`,
        figures: FIGURES,
        contenders: VARIANTS.map(({ name, does }) => ({
          name,
          does,
          samples: Object.fromEntries(FIGURES.map(({ key }) => [key, samples.get(name)?.map(one => one[key]) ?? []])),
        })),
        comparisons: [
          ['bundled', 'unbundled'],
          ['image', 'unbundled'],
          ['image', 'bundled'],
        ],
        versions: versionsOf(['esbuild', 'fastify', '@aws-sdk/client-s3']),
      }
    }),
}

async function measure(settings: Parameters<typeof startFunction>[0], token: string): Promise<Sample> {
  const lambda = await startFunction(settings)
  try {
    const startedAt = performance.now()
    const { statusCode, body } = await lambda.invoke<{ statusCode: number; body: string }>(httpUpload(token))
    if (statusCode !== 200) throw new BenchError(`The upload got the response ${statusCode}: ${body}`)
    const firstMs = performance.now() - startedAt
    const { wallMs: initMs, cpuMs: initCpuMs } = lambda.init
    return { initCpuMs, firstCpuMs: lambda.cpuMs() - initCpuMs, initMs, firstMs }
  } finally {
    await lambda.stop()
  }
}
