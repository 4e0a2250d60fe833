import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { addCorsHeaders, answerPreflight } from './cors.ts'
import { CognitoError } from './errors.ts'
import { Codes } from './hosted/codes.ts'
import { createSignInPages } from './hosted/sign-in-pages.ts'
import { createTokenEndpoint } from './hosted/token-endpoint.ts'
import { type PublicJwk, toPublicJwk } from './keys.ts'
import { findOperation } from './operations/index.ts'
import type { Context } from './operations/operation.ts'
import type { UserPool } from './pools/pool.ts'
import { answer, answerError, CONTENT_TYPE, readInput } from './wire.ts'

export interface ServerSettings {
  context: Context
  /** The origins whose pages may sign in, as in CORS_ORIGINS. */
  corsOrigins: readonly string[]
  /** The origins to whose pages the sign-in pages may return, beside the URLs of each client. */
  callbackOrigins: readonly string[]
  /** Resolves once every change so far is on disk. */
  save(): Promise<void>
  /** Called with internal errors. The client gets no details of them. */
  report(error: unknown): void
}

/**
 * Creates the HTTP server: Cognito's API at `POST /`, the sign-in pages and their endpoints, and the documents of each pool
 * below its id.
 */
export function createCognitoServer(settings: ServerSettings): Server {
  const { context, corsOrigins, callbackOrigins, save, report } = settings
  const codes = new Codes()
  const runPage = createSignInPages({ context, codes, callbackOrigins, save })
  const runEndpoint = createTokenEndpoint({ context, codes, save })

  async function runOperation(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const operation = findOperation(request.headers['x-amz-target']?.toString())
    const output = await operation.run(await readInput(request), context)
    // A client must not get a response for a change that a crash could undo.
    if (operation.writes) await save()
    answer(response, 200, output, CONTENT_TYPE)
  }

  async function runRoute(method: string, path: string, response: ServerResponse): Promise<void> {
    const [poolId = '', ...rest] = path.slice(1).split('/')
    const pool = context.pools.find(poolId)
    if (!pool) return notFound(response, 'The user pool does not exist.')
    const [room, name, ...more] = rest
    switch (more.length === 0 ? `${method} ${room}` : '') {
      case 'GET .well-known':
        if (name === 'jwks.json') return answer(response, 200, jwksOf(pool))
        if (name === 'openid-configuration')
          return answer(response, 200, openidConfigurationOf(pool, context.issuer(pool.id)))
        break
      case 'POST rotate-keys': {
        if (name !== undefined) break
        const { kid } = pool.rotateKeys()
        await save()
        return answer(response, 200, { kid })
      }
      case 'GET messages': {
        const message = context.mailbox.read(pool.id, decode(name ?? ''))
        return message ? answer(response, 200, message) : notFound(response, 'There is no message for this user.')
      }
    }
    notFound(response, 'The path does not exist.')
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request
    const [path = '', query = ''] = splitOnce(url, '?')
    try {
      if (method === 'OPTIONS') return answerPreflight(request, response, corsOrigins)
      addCorsHeaders(request, response, corsOrigins)
      if (method === 'POST' && path === '/') return await runOperation(request, response)
      if (await runPage(method, path, query, request, response)) return
      if (await runEndpoint(method, path, request, response)) return
      await runRoute(method, path, response)
    } catch (error) {
      // The client closed the connection in the middle of the request.
      if (request.destroyed && !request.complete) return
      if (!(error instanceof CognitoError)) report(error)
      answerError(response, error instanceof CognitoError ? error : internalError(error))
    }
  }

  // A client that is busy for seconds, as one that computes for SRP may be, would write to a connection that has just been closed.
  return createServer({ keepAliveTimeout: 75_000 }, (request, response) => {
    handle(request, response).catch(report)
  })
}

function notFound(response: ServerResponse, message: string): void {
  answer(response, 404, { message })
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch (cause) {
    throw new CognitoError('InvalidParameterException', 'The path is not well-formed.', { cause })
  }
}

function internalError(cause: unknown): CognitoError {
  return new CognitoError('InternalErrorException', 'The server failed. Its stderr has the error.', { cause })
}

/** Returns the pool's public keys, the newest first. */
function jwksOf(pool: UserPool): { keys: PublicJwk[] } {
  return { keys: pool.keys.map(toPublicJwk).reverse() }
}

/** Returns the discovery document of a pool (OpenID Connect Discovery). The sign-in pages are at the origin of the issuer. */
function openidConfigurationOf(pool: UserPool, issuer: string): object {
  const origin = issuer.slice(0, -`/${pool.id}`.length)
  return {
    authorization_endpoint: `${origin}/oauth2/authorize`,
    end_session_endpoint: `${origin}/logout`,
    id_token_signing_alg_values_supported: ['RS256'],
    issuer,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    response_types_supported: ['code'],
    revocation_endpoint: `${origin}/oauth2/revoke`,
    scopes_supported: ['openid', 'email', 'phone', 'profile'],
    subject_types_supported: ['public'],
    token_endpoint: `${origin}/oauth2/token`,
    token_endpoint_auth_methods_supported: ['none'],
    userinfo_endpoint: `${origin}/oauth2/userInfo`,
  }
}

function splitOnce(text: string, separator: string): [string, string] {
  const index = text.indexOf(separator)
  return index === -1 ? [text, ''] : [text.slice(0, index), text.slice(index + separator.length)]
}
