import { type Static, Type } from 'typebox'

/**
 * The parts of a pool, as the state file stores them. Times are in milliseconds since 1970 and lifetimes in seconds,
 * unless a name says otherwise.
 */
export const clientSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  createdAt: Type.Number(),
  /** As in `ExplicitAuthFlows`, such as `ALLOW_USER_PASSWORD_AUTH`. */
  authFlows: Type.Array(Type.String()),
  /** True if an unknown user gets the same error as a wrong password (`PreventUserExistenceErrors: ENABLED`). */
  hidesUnknownUsers: Type.Boolean(),
  accessTokenSeconds: Type.Integer(),
  idTokenSeconds: Type.Integer(),
  refreshTokenSeconds: Type.Integer(),
  /** The settings of the sign-in pages. Absent if the client cannot use them. */
  oauth: Type.Optional(
    Type.Object({
      scopes: Type.Array(Type.String()),
      callbackUrls: Type.Array(Type.String()),
      logoutUrls: Type.Array(Type.String()),
    }),
  ),
})

export const userSchema = Type.Object({
  username: Type.String(),
  sub: Type.String(),
  createdAt: Type.Number(),
  modifiedAt: Type.Number(),
  status: Type.Enum(['UNCONFIRMED', 'CONFIRMED', 'FORCE_CHANGE_PASSWORD']),
  passwordHash: Type.String(),
  /** The verifier of the password for SRP, in hex. Absent in files of earlier versions, until the password is set again. */
  srp: Type.Optional(Type.Object({ salt: Type.String(), verifier: Type.String() })),
  attributes: Type.Record(Type.String(), Type.String()),
  confirmation: Type.Optional(Type.Object({ codeHash: Type.String(), expiresAt: Type.Number() })),
})

/** One sign-in, until its refresh token expires. The token itself is not stored. */
export const sessionSchema = Type.Object({
  refreshTokenHash: Type.String(),
  /** The `origin_jti` claim of every token of this sign-in. */
  originJti: Type.String(),
  username: Type.String(),
  sub: Type.String(),
  clientId: Type.String(),
  authenticatedAt: Type.Number(),
  expiresAt: Type.Number(),
  /** The `scope` claim of its access tokens. Absent after a sign-in over Cognito's API. */
  scope: Type.Optional(Type.String()),
})

export const passwordPolicySchema = Type.Object({
  minimumLength: Type.Integer(),
  requireUppercase: Type.Boolean(),
  requireLowercase: Type.Boolean(),
  requireNumbers: Type.Boolean(),
  requireSymbols: Type.Boolean(),
})

export const poolSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  createdAt: Type.Number(),
  passwordPolicy: passwordPolicySchema,
  /** The last key is the newest and signs; all keys verify. */
  keys: Type.Array(Type.Object({ kid: Type.String(), privateKey: Type.String() }), { minItems: 1 }),
  clients: Type.Array(clientSchema),
  users: Type.Array(userSchema),
  sessions: Type.Array(sessionSchema),
})

export const stateSchema = Type.Object({ version: Type.Literal(1), pools: Type.Array(poolSchema) })

export type Client = Static<typeof clientSchema>
export type User = Static<typeof userSchema>
export type Session = Static<typeof sessionSchema>
export type PasswordPolicy = Static<typeof passwordPolicySchema>
export type PoolDocument = Static<typeof poolSchema>
export type StateDocument = Static<typeof stateSchema>
