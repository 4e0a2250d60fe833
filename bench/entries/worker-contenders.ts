import path from 'node:path'
import { names } from '../../services/platform/resources.ts'
import { type Child, startChild } from '../lib/child.ts'
import { childEnv } from '../lib/child-env.ts'
import type { Contender } from '../lib/report.ts'
import type { Sink, SinkCounts } from '../sink/index.ts'
import { WEBHOOK_PATH } from '../sink/webhook.ts'
import type { Source } from '../source/index.ts'
import { SHARDS, type SizeProfile } from '../source/profile.ts'

const EXTENSION = path.extname(import.meta.filename)

/** The requests of an upload that the sink counts. */
export type Work = Pick<SinkCounts, 'reads' | 'objects' | 'updates' | 'notifications'>

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

const DOES = `services/worker/worker.ts: GetRecords from ${SHARDS} shards, GetObject, upper-case, PutObject, the record set to processed, one log line`

/** Starts the worker as a container runs it, with default settings. */
export function startWorker(servers: Servers): RunningContender {
  const work = { reads: 1, objects: 1, updates: 1, notifications: 0 }
  return startWorkerWith(servers, { name: 'worker', does: DOES, work, env: {} })
}

/** Starts the worker with a webhook that it notifies of each upload. */
export function startNotifyingWorker(servers: Servers): RunningContender {
  const url = `${servers.sink.addresses.http}${WEBHOOK_PATH}`
  const secrets = [`whsec_${Buffer.alloc(24, 'bench').toString('base64')}`]
  return startWorkerWith(servers, {
    name: 'notifying worker',
    does: 'the same with one webhook in NOTIFICATIONS: the record is returned by its write, a signed POST, and a second write that removes what was owed',
    // The second update records the delivery.
    work: { reads: 1, objects: 1, updates: 2, notifications: 1 },
    env: {
      NOTIFICATIONS: JSON.stringify([{ name: 'sink', webhook: url, secrets }]),
      NOTIFICATIONS_ALLOW_ADDRESSES: '127.0.0.1',
      // Its leases are of another stream than those of the other worker.
      APPLICATION_NAME: 'notifying-worker',
    },
  })
}

function startWorkerWith(
  { sink, source, stream }: Servers,
  { name, does, work, env }: Pick<RunningContender, 'name' | 'does' | 'work'> & { env: Record<string, string> },
): RunningContender {
  const { http } = sink.addresses
  const child = startChild({
    name,
    entry: path.resolve(import.meta.dirname, `../../services/worker/worker${EXTENSION}`),
    env: {
      ...childEnv({ aws: http, kinesis: source.addresses.http, issuer: '' }),
      PROCESSED_BUCKET: names.processedBucket,
      STREAM_NAME: stream,
      ...env,
    },
  })
  return {
    ...{ name, does, child, work },
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
    work: { reads: 1, objects: 1, updates: 0, notifications: 0 },
    begin: () => child.ask('go'),
    stop: () => child.stop(),
  }
}
