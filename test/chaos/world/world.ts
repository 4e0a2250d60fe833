import { hash } from 'node:crypto'
import path from 'node:path'
import { names } from '../../../services/platform/resources.ts'
import { startAws, type TestAws } from '../../support/aws.ts'
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts'
import type { Exit } from '../evidence/ledger.ts'
import type { Role, Service } from '../plan/schedule.ts'
import type { Scope } from './scope.ts'
import { Slot, type SlotSettings } from './slot.ts'

export interface WorldSettings {
  slots: Record<Role, number>
  users: number
  shards: number
  failoverMs: number
  onExit(exit: Exit): void
  /** More environment variables for all processes. */
  env?: Record<string, string>
}

export interface User {
  /** The `sub` of its tokens. */
  owner: string
  authorization: string
}

/** The pipeline as it is deployed, on the embedded AWS behind a proxy for each of its services. */
export interface World {
  aws: TestAws
  proxies: Record<Service, FaultProxy>
  slots: Record<Role, readonly Slot[]>
  users: readonly User[]
}

const services = path.resolve(import.meta.dirname, '../../../services')

/** Paces of a deployment, made shorter: a run must not be waiting for most of its time. */
const PACES = {
  LOG_LEVEL: 'info',
  SHUTDOWN_TIMEOUT_MS: '10000',
  OUTBOX_INTERVAL_MS: '1000',
  OUTBOX_GRACE_MS: '4000',
}

/** So that the right bytes of what is no text are known: those that were uploaded. */
const TRANSFORMS = JSON.stringify({ rules: [{ contentType: 'application/octet-stream', transform: 'copy' }] })

const programs = {
  api: { entry: 'api/server.ts', serves: /"msg":"Server listening at (http:[^"]+)"/ },
  worker: { entry: 'worker/worker.ts', serves: /"msg":"worker started"/ },
} as const

export async function startWorld(scope: Scope, settings: WorldSettings): Promise<World> {
  const aws = await startAws(scope, { shards: settings.shards })
  const { s3, dynamodb, kinesis } = aws.endpoints
  const proxies = {
    s3: await startFaultProxy(scope, s3),
    dynamodb: await startFaultProxy(scope, dynamodb),
    kinesis: await startFaultProxy(scope, kinesis),
  }
  const env = {
    ...aws.env,
    ...PACES,
    AWS_ENDPOINT_URL_S3: proxies.s3.url,
    AWS_ENDPOINT_URL_DYNAMODB: proxies.dynamodb.url,
    AWS_ENDPOINT_URL_KINESIS: proxies.kinesis.url,
    STREAM_NAME: names.stream,
    FAILOVER_TIME_MS: String(settings.failoverMs),
    TRANSFORMS,
    ...settings.env,
    HOST: '127.0.0.1',
    PORT: '0',
  }
  const { onExit } = settings
  const slots = fillSlots(scope, settings.slots, { env, onExit })
  const users = await createUsers(aws, settings.users)
  await Promise.all([...slots.api, ...slots.worker].map(slot => slot.untilServing()))
  return { aws, proxies, slots, users }
}

/** Starts the processes of a fleet. */
export function fillSlots(
  scope: Scope,
  counts: Record<Role, number>,
  { env, onExit, onStart }: Pick<SlotSettings, 'env' | 'onExit'> & { onStart?(name: string, pid: number): void },
): Record<Role, Slot[]> {
  const fill = (role: Role): Slot[] =>
    Array.from({ length: counts[role] }, (_, index) => {
      const { entry, serves } = programs[role]
      const name = `${role} ${index + 1}`
      const about = { name, entry: path.join(services, entry), serves, env, onExit }
      return new Slot(scope, { ...about, onStart: pid => onStart?.(name, pid) })
    })
  return { api: fill('api'), worker: fill('worker') }
}

export function createUsers(aws: TestAws, count: number): Promise<User[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => createUser(aws, n)))
}

async function createUser(aws: TestAws, n: number): Promise<User> {
  const { username, password } = await aws.createUser(`user-${n}-${hash('sha1', String(n)).slice(0, 8)}@example.com`)
  const { accessToken } = await aws.signIn(username, password)
  const [, payload = ''] = accessToken.split('.')
  const { sub } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { sub: string }
  return { owner: sub, authorization: `Bearer ${accessToken}` }
}
