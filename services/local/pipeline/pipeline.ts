import { fileURLToPath } from 'node:url'
import { type EmbeddedAws, startEmbeddedAws } from '../embedded-aws.ts'
import { PortTakenError } from '../errors.ts'
import { findPort } from '../ports.ts'
import { childEnv, ignoredVariables } from './child-env.ts'
import { type Child, type ChildDeath, type ChildSettings, startChild } from './children.ts'
import { deathNotice } from './death-notice.ts'
import { ChildDiedError } from './errors.ts'
import { createRestartBackoff } from './restart-backoff.ts'
import { startRestartingChild } from './restarting-child.ts'

const HOST = '127.0.0.1'
const STOP_TIMEOUT_MS = 10_000
/** Of the api and of each worker. */
const RESTARTS = { firstMs: 250, maxMs: 15_000, stableMs: 60_000 } as const

export interface PipelineSettings {
  /** The port of the api, 0 for a free one. */
  port: number
  workers: number
  /** Whether the api and the workers are started again when they end by themselves, or such an end is a failure. */
  restart: boolean
  dataDir?: string | undefined
  /** What takes the lines that a child writes. */
  logTo(name: string): (line: string) => void
  /** Something that the pipeline needs ended by itself. Called at least once, then. */
  onFailure(error: Error): void
  /** Something that people should know, in a sentence. */
  onNotice(notice: string): void
}

/** The embedded AWS, the api and the workers, running. The api may need a moment more: GET /readyz says when. */
export interface Pipeline {
  readonly apiUrl: string
  readonly aws: EmbeddedAws
  readonly children: readonly Child[]
  /** The workers first, that they drain; then the api; then what both need. Bounded. */
  stop(): Promise<void>
  /** Ends the api and the workers at once, for a process that is about to exit. */
  kill(): void
}

/** @throws PortTakenError, EmbeddedAwsError */
export async function startPipeline(settings: PipelineSettings): Promise<Pipeline> {
  const port = await findPort(HOST, settings.port).catch((cause: unknown) => {
    throw new PortTakenError('the api', settings.port, { cause })
  })
  for (const notice of ignoredVariables(process.env)) settings.onNotice(notice)
  const aws = await startEmbeddedAws({
    onFailure: settings.onFailure,
    onNotice: settings.onNotice,
    ...(settings.dataDir === undefined ? {} : { dataDir: settings.dataDir }),
  })
  const child = (name: string, room: string, own: Record<string, string>) => ({
    name,
    entry: entryOf(room),
    env: childEnv(process.env, aws.env, own),
    onLine: settings.logTo(name),
    onDeath: (death: ChildDeath) => settings.onFailure(new ChildDiedError(death)),
  })
  const start = (child: ChildSettings): Child => {
    if (!settings.restart) return startChild(child)
    const onRestart = (death: ChildDeath, waitMs: number) => settings.onNotice(deathNotice(death, waitMs))
    return startRestartingChild({ ...child, backoff: createRestartBackoff(RESTARTS), onRestart })
  }
  const api = start(child('api', 'api/server', { HOST, PORT: String(port) }))
  const workers = Array.from({ length: settings.workers }, (_, index) =>
    start(child(`worker ${index + 1}`, 'worker/worker', {})),
  )
  return {
    apiUrl: `http://${HOST}:${port}`,
    aws,
    children: [api, ...workers],
    kill() {
      for (const child of [api, ...workers]) child.kill()
    },
    async stop() {
      await Promise.all(workers.map(worker => worker.stop(STOP_TIMEOUT_MS)))
      await api.stop(STOP_TIMEOUT_MS)
      await aws.stop()
    },
  }
}

/** A program of another room: TypeScript as it is, JavaScript where all was built. */
function entryOf(room: string): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return fileURLToPath(new URL(`../../${room}.${extension}`, import.meta.url))
}
