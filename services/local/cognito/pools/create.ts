import { randomInt } from 'node:crypto'
import { userPool } from '../../../platform/resources.ts'
import { generateSigningKey, type SigningKey } from '../keys.ts'
import { defaultPasswordPolicy } from './password-policy.ts'
import { UserPool } from './pool.ts'
import type { Client, PasswordPolicy } from './schema.ts'

const ALPHANUMERIC = '0123456789abcdefghijklmnopqrstuvwxyz'

/** Returns an id in Cognito's form. The region in it has no meaning. */
export function newPoolId(): string {
  return `us-east-1_${randomText(9)}`
}

export function newClientId(): string {
  return randomText(26)
}

export interface NewPool {
  id: string
  name: string
  /** Milliseconds since 1970. */
  createdAt: number
  passwordPolicy?: PasswordPolicy
  /** @default a new key */
  signingKey?: SigningKey | undefined
}

/** Creates a pool with its first signing key. */
export async function createPool({
  passwordPolicy = defaultPasswordPolicy,
  signingKey,
  ...pool
}: NewPool): Promise<UserPool> {
  const key = signingKey ?? (await generateSigningKey())
  return new UserPool({ ...pool, passwordPolicy, keys: [key], clients: [], users: [], sessions: [] })
}

export type NewClient = Pick<Client, 'id' | 'name' | 'createdAt'> & Partial<Client>

/** Creates a client. The defaults are the settings of Headgate's own client. */
export function createClient(client: NewClient): Client {
  return {
    authFlows: [...userPool.authFlows],
    hidesUnknownUsers: true,
    accessTokenSeconds: userPool.accessTokenMinutes * 60,
    idTokenSeconds: userPool.idTokenMinutes * 60,
    refreshTokenSeconds: userPool.refreshTokenDays * 86_400,
    ...client,
  }
}

function randomText(length: number): string {
  return Array.from({ length }, () => ALPHANUMERIC.charAt(randomInt(ALPHANUMERIC.length))).join('')
}
