import path from 'node:path'
import { names } from '../../services/platform/resources.ts'
import { type Child, startChild } from '../lib/child.ts'
import { childEnv } from '../lib/child-env.ts'
import type { Contender } from '../lib/report.ts'
import type { Sink, SinkCounts } from '../sink/index.ts'
import type { Source } from '../source/index.ts'
import { SHARDS, type SizeProfile } from '../source/profile.ts'

const EXTENSION = path.extname(import.meta.filename)

/** The requests of an upload that the sink counts. */
export type Work = Pick<SinkCounts, 'reads' | 'objects' | 'updates'>

export interface RunningContender extends Contender {
  readonly child: Child
  readonly work: Work
  /** Starts a round. */
  begin(): Promise<unknown>
  stop(): Promise<void>
}

export interface Servers {
  sink: Sink
  source: Source
  /** The stream of the source that the worker reads. */
  stream: string
  profile: SizeProfile
}

/** Returns the number of uploads in a round. */
export const uploadsOf = ({ recordsPerReply, repliesPerRound }: SizeProfile) => recordsPerReply * repliesPerRound

/** Starts the worker as a container runs it, with default settings. */
export function startWorker({ sink, source, stream }: Servers): RunningContender {
  const { http } = sink.addresses
  const child = startChild({
    name: 'worker',
    entry: path.resolve(import.meta.dirname, `../../services/worker/worker${EXTENSION}`),
    env: {
      ...childEnv({ aws: http, kinesis: source.addresses.http, issuer: '' }),
      PROCESSED_BUCKET: names.processedBucket,
      STREAM_NAME: stream,
    },
  })
  return {
    name: 'worker',
    does: `services/worker/worker.ts: GetRecords from ${SHARDS} shards, GetObject, upper-case, PutObject, the record set to processed, one log line`,
    child,
    work: { reads: 1, objects: 1, updates: 1 },
    begin: () => source.release(stream),
    stop: () => child.stop(),
  }
}

export function startBareCopy({ sink, profile }: Servers): RunningContender {
  const env = childEnv({ aws: sink.addresses.http, kinesis: '', issuer: '' })
  const child = startChild({
    name: 'bare',
    entry: path.resolve(import.meta.dirname, `../contenders/bare-copy${EXTENSION}`),
    env: { ...env, COPIES_PER_ROUND: String(uploadsOf(profile)) },
  })
  return {
    name: 'bare',
    does: 'bench/contenders/bare-copy.ts: GetObject and PutObject with the SDK’s default client, and nothing else',
    child,
    work: { reads: 1, objects: 1, updates: 0 },
    begin: () => child.ask('go'),
    stop: () => child.stop(),
  }
}
