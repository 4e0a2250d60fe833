import { fileURLToPath } from 'node:url'
import { LOOPBACK_ORIGINS } from '../../platform/origins.ts'
import { originsOf } from '../cors-origins.ts'
import { type EmbeddedAws, startEmbeddedAws } from '../embedded-aws.ts'
import { PortRefusedError, PortTakenError } from '../errors.ts'
import { findPort, isPortTaken, nextFreePort } from '../ports.ts'
import { childEnv, ignoredVariables } from './child-env.ts'
import { type Child, type ChildDeath, type ChildSettings, startChild } from './children.ts'
import { deathNotice } from './death-notice.ts'
import { ChildDiedError } from './errors.ts'
import { type RestartingChild, startRestartingChild } from './restarting-child.ts'

const HOST = '127.0.0.1'
const STOP_TIMEOUT_MS = 10_000
/** For the api, for each worker and for the console. */
export const RESTARTS = { firstMs: 250, maxMs: 15_000, stableMs: 60_000 } as const

export interface PipelineSettings {
  /** The port of the api; 0 means a free port. */
  port: number
  workers: number
  /** True to restart the api and the workers when they end by themselves. False to report such an end as a failure. */
  restart: boolean
  dataDir?: string | undefined
  /** Variables of the workers, besides those of this process. If they are given, a second process of each stands by to replace it. */
  workerEnv?: Readonly<Record<string, string>> | undefined
  /** Returns the function that is called with each line of a child. */
  logTo(name: string): (line: string) => void
  /** Called when a process that the pipeline needs ends by itself, possibly more than once. */
  onFailure(error: Error): void
  /** Called with a sentence that the operator should read. */
  onNotice(notice: string): void
}

/** The running embedded AWS, api and workers. The api may not be ready yet: GET /readyz tells. */
export interface Pipeline {
  readonly apiUrl: string
  readonly aws: EmbeddedAws
  readonly children: readonly Child[]
  /**
   * Replaces every worker by one with these variables besides those of this process. Resolves when the new workers have started to
   * load. Uploads in flight are finished or retried. Needs the setting `restart`.
   */
  replaceWorkers(env: Readonly<Record<string, string>>): Promise<void>
  /** Stops the workers first, so that they drain, then the api, then the embedded AWS. Bounded in time. */
  stop(): Promise<void>
  /** Kills the api and the workers, for a process that is about to exit. */
  kill(): void
}

/** @throws UsageError, PortTakenError, PortRefusedError, EmbeddedAwsError */
export async function startPipeline(settings: PipelineSettings): Promise<Pipeline> {
  const port = await findApiPort(settings.port)
  const { CORS_ORIGINS } = process.env
  const corsOrigins = CORS_ORIGINS === undefined ? LOOPBACK_ORIGINS : originsOf('CORS_ORIGINS', CORS_ORIGINS)
  for (const notice of ignoredVariables(process.env)) settings.onNotice(notice)
  const aws = await startEmbeddedAws({
    onFailure: settings.onFailure,
    onNotice: settings.onNotice,
    corsOrigins,
    ...(settings.dataDir === undefined ? {} : { dataDir: settings.dataDir }),
  })
  const child = (name: string, room: string, own: Record<string, string>) => ({
    name,
    entry: programPath(room),
    env: childEnv(process.env, aws.env, own),
    onLine: settings.logTo(name),
    onDeath: (death: ChildDeath) => settings.onFailure(new ChildDiedError(death)),
  })
  const start = (child: ChildSettings & { hasStandby?: boolean }): Child => {
    if (!settings.restart) return startChild(child)
    const onRestart = (death: ChildDeath, waitMs: number) => settings.onNotice(deathNotice(death, waitMs))
    return startRestartingChild({ ...child, backoff: RESTARTS, onRestart })
  }
  const api = start(child('api', 'api/server', { HOST, PORT: String(port) }))
  const workers = Array.from({ length: settings.workers }, (_, index) =>
    start({
      ...child(`worker ${index + 1}`, 'worker/worker', { ...settings.workerEnv }),
      hasStandby: settings.workerEnv !== undefined,
    }),
  )
  return {
    apiUrl: `http://${HOST}:${port}`,
    aws,
    children: [api, ...workers],
    async replaceWorkers(env) {
      const next = childEnv(process.env, aws.env, env)
      await Promise.all(workers.filter(canBeReplaced).map(worker => worker.replace(next, STOP_TIMEOUT_MS)))
    },
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

function canBeReplaced(child: Child): child is RestartingChild {
  return 'replace' in child
}

async function findApiPort(wanted: number): Promise<number> {
  try {
    return await findPort(HOST, wanted)
  } catch (cause) {
    if (!isPortTaken(cause)) throw new PortRefusedError('the api', wanted, { cause })
    const free = await nextFreePort(HOST, wanted)
    const instead = free === undefined ? undefined : `npm start -- --port ${free}`
    throw new PortTakenError('the api', wanted, { cause, instead })
  }
}

/** Returns the path of a program: TypeScript in the repository, JavaScript after a build. */
export function programPath(room: string): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return fileURLToPath(new URL(`../../${room}.${extension}`, import.meta.url))
}
