import { once } from 'node:events'
import path from 'node:path'
import type { Test } from 'tap'
import { type Program, runProgram } from '../../support/processes.ts'
import { type Proxies, startProxies } from './proxies.ts'
import { createAccount, type SecondAccount } from './resources.ts'
import type { SecondAws } from './servers.ts'

/** The pipeline as it is deployed: the api and the workers as processes on a second AWS, behind proxies. */
export interface Fleet {
  readonly api: { readonly url: string; readonly program: Program }
  readonly workers: readonly Program[]
  readonly account: SecondAccount
  readonly proxies: Proxies
}

export interface FleetSettings {
  /** @default 2 */
  workers?: number
  /** Additional variables for all processes. */
  env?: Readonly<Record<string, string>>
}

const services = path.resolve(import.meta.dirname, '../../../services')
const START_TIMEOUT_MS = 180_000

/**
 * Shorter than the defaults of a deployment, so that a test does not mostly wait. A worker on a loaded machine must
 * still renew its leases in time.
 */
const PACES = { FAILOVER_TIME_MS: '6000', OUTBOX_INTERVAL_MS: '1000', OUTBOX_GRACE_MS: '4000' }

/** Starts an api and workers for the duration of the test, and resolves once all of them are ready. */
export async function startFleet(
  t: Pick<Test, 'teardown'>,
  server: SecondAws,
  { workers: count = 2, env: more = {} }: FleetSettings = {},
): Promise<Fleet> {
  const account = await createAccount(t, server)
  const proxies = await startProxies(t, server)
  const env = { ...account.env, ...proxies.env, ...PACES, HOST: '127.0.0.1', PORT: '0', ...more }
  const program = runProgram(t, [path.join(services, 'api/server.ts')], { env, endsWithTest: true })
  const workers = Array.from({ length: count }, () =>
    runProgram(t, [path.join(services, 'worker/worker.ts')], { env, endsWithTest: true }),
  )
  const [url = ''] = await Promise.all([
    logged(program, /"msg":"Server listening at (http:[^"]+)"/),
    ...workers.map(worker => logged(worker, /"msg":"worker started"/)),
  ])
  return { api: { url, program }, workers, account, proxies }
}

/**
 * Resolves to the first group of the pattern once a program has logged a matching line.
 *
 * @param times the number of matching lines
 */
export async function logged(program: Program, pattern: RegExp, times = 1): Promise<string> {
  const all = new RegExp(pattern, 'g')
  const late = AbortSignal.timeout(START_TIMEOUT_MS)
  for (;;) {
    const found = [...program.stdout().matchAll(all)]
    const last = found[times - 1]
    if (last) return last[1] ?? ''
    const next = Promise.race([once(program.child.stdout ?? program.child, 'data', { signal: late }), program.ended])
    const ended = await next.catch(() => 'late')
    if (ended === 'late' || !Array.isArray(ended)) {
      const why = ended === 'late' ? `not within ${START_TIMEOUT_MS} ms` : `it ended: ${JSON.stringify(ended)}`
      throw new Error(`No line ${pattern} (${times}): ${why}.\n${program.stderr()}${program.stdout().slice(-3_000)}`)
    }
  }
}
