import { fileURLToPath } from 'node:url'
import { LOOPBACK_ORIGINS } from '../../platform/origins.ts'
import { originsOf } from '../cors-origins.ts'
import { type EmbeddedAws, startEmbeddedAws } from '../embedded-aws.ts'
import { PortRefusedError, PortTakenError } from '../errors.ts'
import { findPort, findQuietPort, isPortTaken, nextFreePort } from '../ports.ts'
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
  /** True to serve the metrics of the api and the workers, for the console. @default false */
  hasMetrics?: boolean
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
  /** The pages of metrics of the api and of the workers. */
  readonly metricsUrls: readonly string[]
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
  const [adminPort, ...healthPorts] = await findMetricsPorts(settings)
  const api = start(
    child('api', 'api/server', { HOST, PORT: String(port), ...(adminPort && { ADMIN_PORT: adminPort }) }),
  )
  const workers = Array.from({ length: settings.workers }, (_, index) => {
    // A worker that replaces another one listens at the same port.
    const HEALTH_PORT = healthPorts[index]
    const own = HEALTH_PORT === undefined ? {} : { HEALTH_PORT }
    const worker = start({
      ...child(`worker ${index + 1}`, 'worker/worker', { ...settings.workerEnv, ...own }),
      hasStandby: settings.workerEnv !== undefined,
    })
    return { worker, own }
  })
  const children = [api, ...workers.map(({ worker }) => worker)]
  return {
    apiUrl: `http://${HOST}:${port}`,
    aws,
    children,
    metricsUrls: [adminPort, ...healthPorts].flatMap(free => (free ? [`http://${HOST}:${free}/metrics`] : [])),
    async replaceWorkers(env) {
      await Promise.all(
        workers.map(async ({ worker, own }) => {
          const next = childEnv(process.env, aws.env, { ...env, ...own })
          if (canBeReplaced(worker)) await worker.replace(next, STOP_TIMEOUT_MS)
        }),
      )
    },
    kill() {
      for (const child of children) child.kill()
    },
    async stop() {
      await Promise.all(workers.map(({ worker }) => worker.stop(STOP_TIMEOUT_MS)))
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

/** Resolves to a port for the api, or the one that the operator has set, and to one for each worker. */
async function findMetricsPorts({ hasMetrics = false, workers }: PipelineSettings): Promise<string[]> {
  if (!hasMetrics) return []
  const { ADMIN_PORT } = process.env
  const adminPort = ADMIN_PORT && ADMIN_PORT !== '0' ? ADMIN_PORT : await findQuietPort(HOST)
  const healthPorts = await Promise.all(Array.from({ length: workers }, () => findQuietPort(HOST)))
  return [adminPort, ...healthPorts].map(String)
}

/** Returns the path of a program: TypeScript in the repository, JavaScript after a build. */
export function programPath(room: string): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return fileURLToPath(new URL(`../../${room}.${extension}`, import.meta.url))
}
