import { type Static, Type } from 'typebox'
import { userPool } from '../../../platform/resources.ts'
import { CognitoError } from '../errors.ts'
import type { Client } from '../pools/schema.ts'

const SECONDS = { seconds: 1, minutes: 60, hours: 3_600, days: 86_400 } as const
const unit = Type.Optional(Type.Enum(['seconds', 'minutes', 'hours', 'days']))
const validity = Type.Optional(Type.Integer({ minimum: 1 }))

/** Cognito's limits, in seconds. */
const BOUNDS = {
  short: { min: 300, max: 86_400 },
  refresh: { min: 3_600, max: 315_360_000 },
} as const

/** The members of a client that set the lifetimes of its tokens. */
export const tokenValidity = {
  AccessTokenValidity: validity,
  IdTokenValidity: validity,
  RefreshTokenValidity: validity,
  TokenValidityUnits: Type.Optional(Type.Object({ AccessToken: unit, IdToken: unit, RefreshToken: unit })),
}

const input = Type.Object(tokenValidity)
type Lifetimes = Pick<Client, 'accessTokenSeconds' | 'idTokenSeconds' | 'refreshTokenSeconds'>

/** @throws CognitoError InvalidParameterException if a lifetime is outside Cognito's limits */
export function toLifetimes(client: Static<typeof input>): Lifetimes {
  const { AccessTokenValidity: access, IdTokenValidity: id, RefreshTokenValidity: refresh } = client
  const units = client.TokenValidityUnits ?? {}
  const seconds = (value: number | undefined, of: keyof typeof SECONDS, otherwise: number) =>
    value === undefined ? otherwise : value * SECONDS[of]
  const lifetimes = {
    accessTokenSeconds: seconds(access, units.AccessToken ?? 'hours', userPool.accessTokenMinutes * 60),
    idTokenSeconds: seconds(id, units.IdToken ?? 'hours', userPool.idTokenMinutes * 60),
    refreshTokenSeconds: seconds(refresh, units.RefreshToken ?? 'days', userPool.refreshTokenDays * 86_400),
  }
  check('AccessTokenValidity', lifetimes.accessTokenSeconds, BOUNDS.short)
  check('IdTokenValidity', lifetimes.idTokenSeconds, BOUNDS.short)
  check('RefreshTokenValidity', lifetimes.refreshTokenSeconds, BOUNDS.refresh)
  return lifetimes
}

function check(name: string, seconds: number, { min, max }: { min: number; max: number }): void {
  if (seconds >= min && seconds <= max) return
  const message = `Invalid range for ${name}: it must be between ${min} and ${max} seconds.`
  throw new CognitoError('InvalidParameterException', message)
}
