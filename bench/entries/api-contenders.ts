import path from 'node:path'
import { type Child, startChild } from '../lib/child.ts'
import { childEnv } from '../lib/child-env.ts'
import { imageEnv } from '../lib/image-env.ts'
import type { BenchIssuer } from '../lib/issuer.ts'
import type { Contender } from '../lib/report.ts'
import type { SinkAddresses, SinkCounts } from '../sink/index.ts'

const EXTENSION = path.extname(import.meta.filename)

/** The requests of an upload that the sink counts. */
export type Traces = Pick<SinkCounts, 'objects' | 'records' | 'items' | 'updates'>

export interface UploadContender extends Contender {
  readonly child: Child
  readonly url: string
  /** The requests that each upload must cause. */
  readonly traces: Traces
  stop(): Promise<void>
}

/** Starts the api as the image runs it, with default settings. */
export function startHeadgate({ http }: SinkAddresses, { issuer }: BenchIssuer): Promise<UploadContender> {
  return startContender({
    name: 'headgate',
    does: 'services/api/server.ts: verifies the token, PutObject with SHA-256, PutItem, event by PutRecords in micro-batches',
    traces: { objects: 1, records: 1, items: 1, updates: 0 },
    entry: path.resolve(import.meta.dirname, `../../services/api/server${EXTENSION}`),
    env: { ...childEnv({ aws: http, kinesis: http, issuer }), ...imageEnv() },
  })
}

export function startTutorial({ http, http2 }: SinkAddresses, { issuer }: BenchIssuer): Promise<UploadContender> {
  return startContender({
    name: 'tutorial',
    does: 'bench/contenders/tutorial.ts: verifies the token, PutObject, then event by PutRecord, default clients (Kinesis: HTTP/2 without TLS)',
    traces: { objects: 1, records: 1, items: 0, updates: 0 },
    entry: path.resolve(import.meta.dirname, `../contenders/tutorial${EXTENSION}`),
    env: childEnv({ aws: http, kinesis: http2, issuer }),
  })
}

interface ContenderSettings extends Contender {
  traces: Traces
  entry: string
  env: NodeJS.ProcessEnv
}

async function startContender({ name, does, traces, entry, env }: ContenderSettings): Promise<UploadContender> {
  const child = startChild({ name, entry, env })
  try {
    const port = await child.waitFor<number>('listening')
    return { name, does, traces, child, url: `http://127.0.0.1:${port}`, stop: () => child.stop() }
  } catch (error) {
    await child.stop()
    throw error
  }
}
