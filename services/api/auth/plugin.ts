import fastifyJwt, { type TokenOrHeader } from '@fastify/jwt'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import type { RateLimits } from '../http/rate-limits.ts'
import type { UploadPolicies, UploadPolicy } from '../policies/policies.ts'
import { catalogue } from '../problems/catalogue.ts'
import { ProblemError } from '../problems/problem.ts'
import { KeysUnavailableError, RouteAccessError, TokenRefusedError, UnknownKeyError } from './errors.ts'
import type { KeySource } from './key-source.ts'
import { type Access, missingPermission, type RequiredPermissions } from './permissions.ts'
import { bearerToken, ownerFromClaims } from './token.ts'
import { type Claims, createVerifiedTokens } from './verified-tokens.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The `sub` of the request's token. Empty on routes without authentication. */
    owner: string
    /** What the owner may upload. Not set on routes without authentication. */
    policy: UploadPolicy
  }
  interface FastifyInstance {
    /** Sets the owner of the request, or rejects the request with 401, 403 or 429 before its body is read. `routeAccess` calls it. */
    authenticate(request: FastifyRequest, reply: FastifyReply): Promise<void>
  }
}

export interface AuthOptions {
  issuer: string
  clientId: string
  keys: KeySource
  limits: RateLimits
  /** The permissions for routes that read and for routes that write. */
  required: Readonly<Record<Access, RequiredPermissions>>
  policies: UploadPolicies
}

/** How verified tokens are cached. Their key is still looked up for each request, so that a token is rejected once its key is withdrawn. */
const TOKEN_CACHE = { max: 10_000, ttlMs: 300_000 } as const
const MAX_KID_LENGTH = 256
/** Longer than the pause between two fetches of the key set, in seconds. */
const KEYS_RETRY_SECONDS = '2'

export const authPlugin = fastifyPlugin<AuthOptions>(
  async (app, { issuer, clientId, keys, limits, required, policies }) => {
    const verified = createVerifiedTokens(TOKEN_CACHE)
    /** The key with which the token of each request was verified. */
    const usedKeys = new WeakMap<FastifyRequest, { kid: string; key: string }>()

    await app.register(fastifyJwt, {
      secret: keyOf,
      decode: { complete: true },
      verify: {
        algorithms: ['RS256'],
        allowedIss: issuer,
        requiredClaims: ['exp', 'iss', 'sub', 'token_use'],
        extractToken: request => bearerToken(request.headers.authorization),
      },
    })

    /** Rejects a token that can't be valid before its key is looked up, so that such tokens cause no requests to the issuer. */
    async function keyOf(request: FastifyRequest, token: TokenOrHeader): Promise<string> {
      const { header, payload } = token as { header?: Record<string, unknown>; payload?: Record<string, unknown> }
      if (header?.alg !== 'RS256' || payload?.iss !== issuer) throw new TokenRefusedError('The token is not valid')
      const { kid } = header
      if (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_LENGTH) {
        throw new TokenRefusedError('The token has no valid key id')
      }
      const key = await keys.find(kid)
      usedKeys.set(request, { kid, key })
      return key
    }

    async function claimsOf(request: FastifyRequest, token: string): Promise<Claims> {
      const known = verified.get(token)
      if (known && (await keys.find(known.kid)) === known.key) return known.claims
      const claims = await request.jwtVerify<Claims>()
      const used = usedKeys.get(request)
      if (used) verified.add(token, { claims, ...used })
      return claims
    }

    async function identify(request: FastifyRequest): Promise<void> {
      const token = bearerToken(request.headers.authorization)
      if (token === undefined) throw missingToken()
      const claims = await claimsOf(request, token)
      const owner = ownerFromClaims(claims, { clientId })
      const { access } = request.routeOptions.config
      if (access !== 'read' && access !== 'write')
        throw new RouteAccessError('A route without a token is authenticated.')
      const missing = missingPermission(claims, required[access])
      if (missing !== undefined) throw insufficientScope(missing, required[access])
      request.owner = owner
      request.policy = policies.of(claims)
    }

    app.decorateRequest('owner', '')
    app.decorateRequest('policy')
    app.decorate('authenticate', async (request: FastifyRequest, reply: FastifyReply) => {
      await limits.checkAddress(request)
      try {
        await identify(request)
      } catch (error) {
        const problem = toProblem(error)
        if (problem instanceof ProblemError && catalogue[problem.slug].status === 401)
          await limits.countRefusal(request)
        throw problem
      }
      await limits.countRequest(request, reply)
    })
  },
  { name: 'auth', fastify: '5.x' },
)

/** RFC 6750, 3.1. */
function insufficientScope(missing: string, { scopes }: RequiredPermissions): ProblemError {
  const scope = scopes.length > 0 ? `, scope="${scopes.join(' ')}"` : ''
  const challenge = `Bearer error="insufficient_scope"${scope}`
  return new ProblemError('insufficient-scope', `${missing}.`, { headers: { 'www-authenticate': challenge } })
}

function missingToken(): ProblemError {
  const detail = 'Send a Cognito id or access token: "Authorization: Bearer <token>".'
  return new ProblemError('missing-token', detail, { headers: { 'www-authenticate': 'Bearer' } })
}

/** Turns every error of a token into a 401. Errors of the service stay as they are. */
function toProblem(cause: unknown): unknown {
  if (cause instanceof ProblemError) return cause
  if (cause instanceof KeysUnavailableError) {
    const detail = 'The key of the token is unknown, and the keys of the issuer could not be fetched. Try again.'
    return new ProblemError('keys-unavailable', detail, { headers: { 'retry-after': KEYS_RETRY_SECONDS }, cause })
  }
  const reason = refusal(cause)
  if (reason === undefined) return cause
  const challenge = `Bearer error="invalid_token", error_description="${reason}"`
  return new ProblemError('invalid-token', `${reason}.`, { headers: { 'www-authenticate': challenge }, cause })
}

/** Returns the message for the client: enough to fix a client, and nothing that helps to forge a token. */
function refusal(error: unknown): string | undefined {
  if (error instanceof TokenRefusedError) return error.message
  if (error instanceof UnknownKeyError) return 'The token is not valid'
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined
  if (error.code === 'FST_JWT_AUTHORIZATION_TOKEN_EXPIRED') return 'The token has expired'
  if (error.code === 'FAST_JWT_INACTIVE') return 'The token is not valid yet'
  return /^(FST_JWT|FAST_JWT)_/.test(error.code) ? 'The token is not valid' : undefined
}
