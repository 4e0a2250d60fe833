import { createRequire } from 'node:module'
import path from 'node:path'
import { type Child, startChild } from '../lib/child.ts'
import { childEnv } from '../lib/child-env.ts'
import type { Contender } from '../lib/report.ts'
import type { SourceAddresses } from '../source/index.ts'
import { type SizeProfile, streamOf } from '../source/profile.ts'

export interface ConsumerContender extends Contender {
  /** Warm-up rounds, as a multiple of those of the others. */
  readonly warmUp?: number
  start(profile: SizeProfile, servers: Servers): Child | Promise<Child>
}

export const LIFION = 'lifion-kinesis'
const { resolve } = createRequire(import.meta.url)

export const headgate = nodeContender({
  name: 'headgate',
  does: 'services/consumer: leases and checkpoints in DynamoDB, lanes by partition key, a promise for each record; no pause between fetches, otherwise default settings',
  program: 'headgate-consumer',
})

export const sdkLoop = nodeContender({
  name: 'sdk',
  does: 'bench/contenders/sdk-loop.ts: GetRecords in a loop with the default client (HTTP/2 without TLS); no leases, no checkpoints',
  program: 'sdk-loop',
  overHttp2: true,
})

export const sdkHttp1Loop = nodeContender({
  name: 'sdk-http1',
  does: 'the same with NodeHttpHandler, the cheapest handler of the SDK',
  program: 'sdk-loop',
  env: { HTTP1: '1' },
})

/** Returns undefined if lifion-kinesis is not installed. */
export function lifion(): ConsumerContender | undefined {
  const module = resolvable(LIFION)
  if (module === undefined) return undefined
  return nodeContender({
    name: 'lifion',
    does: 'lifion-kinesis: leases and checkpoints in DynamoDB, data parsed as JSON, batches on a stream; no pause between fetches, otherwise default settings',
    program: 'lifion',
    env: { LIFION_MODULE: module },
  })
}

export function lifionVersion(): string {
  const { version } = createRequire(import.meta.url)(`${LIFION}/package.json`) as { version: string }
  return version
}

/** A running contender with its own stream. */
export interface RunningConsumer {
  readonly contender: string
  readonly stream: string
  readonly profile: SizeProfile
  readonly warmUp: number
  readonly child: Child
}

export interface Servers {
  source: SourceAddresses
  dynamodb: string
}

export async function startConsumer(
  contender: ConsumerContender,
  profile: SizeProfile,
  servers: Servers,
): Promise<RunningConsumer> {
  const { name } = contender
  return {
    contender: name,
    stream: streamOf(name, profile),
    profile,
    warmUp: contender.warmUp ?? 1,
    child: await contender.start(profile, servers),
  }
}

interface NodeContender extends Contender {
  /** The program in `contenders/`. */
  program: string
  /** True if it reads records over HTTP/2. */
  overHttp2?: true
  env?: NodeJS.ProcessEnv
}

function nodeContender({ name, does, program, overHttp2, env }: NodeContender): ConsumerContender {
  return {
    name,
    does,
    start: (profile, { source, dynamodb }) =>
      startChild({
        name: `${name} at ${profile.label}`,
        entry: path.resolve(import.meta.dirname, `../contenders/${program}${path.extname(import.meta.filename)}`),
        env: {
          ...childEnv({ aws: dynamodb, kinesis: overHttp2 ? source.http2 : source.http, issuer: '' }),
          ...env,
          STREAM_NAME: streamOf(name, profile),
          RECORDS_PER_ROUND: String(profile.recordsPerReply * profile.repliesPerRound),
        },
      }),
  }
}

function resolvable(name: string): string | undefined {
  try {
    return resolve(name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined
    throw error
  }
}
