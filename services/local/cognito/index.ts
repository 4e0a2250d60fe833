import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createDocumentFile } from '../document-file.ts'
import { Challenges } from './challenges.ts'
import { Mailbox } from './mailbox.ts'
import { SrpExchanges } from './operations/srp-auth.ts'
import { PASSWORD_COST } from './passwords.ts'
import { createCognitoServer } from './server.ts'
import { type CognitoSettings, checkSettings } from './settings.ts'
import { ensurePools, loadPools } from './setup.ts'

export type { CognitoClientDefinition, CognitoPoolDefinition, CognitoSettings } from './settings.ts'

export interface CognitoServer {
  /** The endpoint for the SDK and the AWS CLI, such as `http://127.0.0.1:4300`. */
  readonly url: string
  readonly port: number
  /** Returns the `iss` claim of a pool's tokens: `${issuerOrigin}/${poolId}`. */
  issuer(poolId: string): string
  /**
   * Creates a new signing key. The old keys stay in the JWKS.
   *
   * @throws CognitoError if the pool does not exist
   */
  rotateKeys(poolId: string): void
  /** Finishes the requests in flight, saves unsaved changes, and closes the port. */
  stop(): Promise<void>
}

/** The time that `stop` waits for requests in flight, in milliseconds. A slow client must not block it for longer. */
const DRAIN_MS = 1_000

/**
 * Starts an emulation of Cognito: user pools, sign-in and tokens, over Cognito's own protocol.
 *
 * @throws CognitoSettingsError, CognitoStateError, or the error of `listen` if the port is in use
 */
export async function startCognito(settings: CognitoSettings = {}): Promise<CognitoServer> {
  checkSettings(settings)
  const {
    host = '127.0.0.1',
    port = 0,
    issuerOrigin,
    file,
    pools: definitions = [],
    corsOrigins = [],
    callbackOrigins = [],
    passwordCost = PASSWORD_COST,
    now = Date.now,
  } = settings
  const pools = await loadPools(file)
  const document = file === undefined ? undefined : createDocumentFile(file, () => pools.toDocument())
  const save = async () => document?.save()
  if (await ensurePools(pools, definitions, now())) await save()

  let url = ''
  const issuer = (poolId: string) => `${issuerOrigin ?? url}/${poolId}`
  const context = {
    pools,
    challenges: new Challenges(),
    srp: new SrpExchanges(),
    mailbox: new Mailbox(),
    passwordCost,
    issuer,
    now,
  }
  const server = createCognitoServer({ context, corsOrigins, callbackOrigins, save, report })
  server.listen(port, host)
  await once(server, 'listening')
  server.on('error', report)
  const address = server.address() as AddressInfo
  url = toUrl(address)

  let stopped: Promise<void> | undefined
  return {
    url,
    port: address.port,
    issuer,
    rotateKeys(poolId) {
      pools.pool(poolId).rotateKeys()
      // A save that fails is retried by `stop`, which then throws.
      save().catch(report)
    },
    stop() {
      stopped ??= close(server).then(() => document?.flush())
      return stopped
    },
  }
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MS)
  await closed
  clearTimeout(timer)
}

/** A wildcard address can be listened on, but not called. */
function toUrl({ address, family, port }: AddressInfo): string {
  if (address === '0.0.0.0' || address === '::') return `http://127.0.0.1:${port}`
  return family === 'IPv6' ? `http://[${address}]:${port}` : `http://${address}:${port}`
}

function report(error: unknown): void {
  console.error('The embedded Cognito:', error)
}
