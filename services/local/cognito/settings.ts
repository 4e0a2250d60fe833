import { CognitoSettingsError } from './errors.ts'
import type { SigningKey } from './keys.ts'

export interface CognitoPoolDefinition {
  id: string
  name: string
  clients: readonly CognitoClientDefinition[]
  /**
   * The first signing key, if the pool is created.
   * @default a new key, which takes about 50 ms
   */
  signingKey?: SigningKey
}

export interface CognitoClientDefinition {
  id: string
  name: string
  /** Allows the sign-in pages. These settings replace those of an existing client at each start. */
  oauth?: {
    scopes: readonly string[]
    /** @default none */
    callbackUrls?: readonly string[]
    /** @default none */
    logoutUrls?: readonly string[]
  }
}

export interface CognitoSettings {
  /**
   * The address to listen on.
   * @default 127.0.0.1
   */
  host?: string
  /**
   * The port to listen on; 0 means a free port.
   * @default 0
   */
  port?: number
  /**
   * The origin of issuer URLs, without a slash at its end. Needed if clients reach the server by another origin, as in
   * containers.
   * @default the server's own URL
   */
  issuerOrigin?: string
  /**
   * The file that keeps pools, users (with hashes of their passwords), signing keys and sessions (with hashes of their
   * refresh tokens) across restarts. Only one server at a time may use it. Left out: the state is in memory.
   */
  file?: string
  /** Pools and clients that are created at the start if they do not exist. */
  pools?: readonly CognitoPoolDefinition[]
  /**
   * The origins whose pages may call this server from a browser, as in CORS_ORIGINS.
   * @default none
   */
  corsOrigins?: readonly string[]
  /**
   * The origins to whose pages the sign-in pages may return, beside the URLs of each client. In the form of CORS_ORIGINS,
   * without `*`.
   * @default none
   */
  callbackOrigins?: readonly string[]
  /**
   * The cost parameter N of scrypt, a power of two, for the hashes of new passwords. A lower value suits tests with many users.
   * @default 16384, which takes about 40 ms for each password
   */
  passwordCost?: number
  /** The clock, in milliseconds since 1970. */
  now?: () => number
}

const POOL_ID = /^[\w-]+_[0-9a-zA-Z]+$/
const CLIENT_ID = /^[\w+]+$/

/** @throws CognitoSettingsError */
export function checkSettings({ issuerOrigin, pools = [] }: CognitoSettings): void {
  if (issuerOrigin !== undefined && !/^https?:\/\/[^\s]+[^/\s]$/.test(issuerOrigin))
    throw new CognitoSettingsError(`issuerOrigin must be an http URL without a slash at its end: ${issuerOrigin}`)
  for (const { id } of pools) {
    if (!POOL_ID.test(id) || id.length > 55)
      throw new CognitoSettingsError(`pools: an id must look like us-east-1_Abc123, at most 55 characters: ${id}`)
  }
  const clientIds = pools.flatMap(pool => pool.clients.map(client => client.id))
  for (const id of clientIds) {
    if (!CLIENT_ID.test(id) || id.length > 128)
      throw new CognitoSettingsError(`pools: a client's id is letters, digits, _ and +, at most 128: ${id}`)
  }
  refuseDoubles(
    'pool',
    pools.map(pool => pool.id),
  )
  refuseDoubles('client', clientIds)
}

function refuseDoubles(what: string, ids: readonly string[]): void {
  const double = ids.find((id, index) => ids.indexOf(id) !== index)
  if (double !== undefined) throw new CognitoSettingsError(`pools: duplicate ${what} id: ${double}`)
}
