import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { addCorsHeaders, answerPreflight } from './cors.ts'
import { CognitoError } from './errors.ts'
import { type PublicJwk, toPublicJwk } from './keys.ts'
import { findOperation } from './operations/index.ts'
import type { Context } from './operations/operation.ts'
import type { UserPool } from './pools/pool.ts'
import { answer, answerError, CONTENT_TYPE, readInput } from './wire.ts'

export interface ServerSettings {
  context: Context
  /** The origins whose pages may sign in, as in CORS_ORIGINS. */
  corsOrigins: readonly string[]
  /** Resolves once every change so far is on disk. */
  save(): Promise<void>
  /** Called with internal errors. The client gets no details of them. */
  report(error: unknown): void
}

/** Creates the HTTP server: Cognito's API at `POST /`, and the documents of each pool below its id. */
export function createCognitoServer({ context, corsOrigins, save, report }: ServerSettings): Server {
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
          return answer(response, 200, openidConfigurationOf(context.issuer(pool.id)))
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
    const [path = ''] = url.split('?')
    try {
      if (method === 'OPTIONS') return answerPreflight(request, response, corsOrigins)
      addCorsHeaders(request, response, corsOrigins)
      if (method === 'POST' && path === '/') await runOperation(request, response)
      else await runRoute(method, path, response)
    } catch (error) {
      // The client closed the connection in the middle of the request.
      if (request.destroyed && !request.complete) return
      if (!(error instanceof CognitoError)) report(error)
      answerError(response, error instanceof CognitoError ? error : internalError(error))
    }
  }

  return createServer((request, response) => {
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

/** Returns the discovery document of a pool without a domain, which has no addresses of hosted pages. */
function openidConfigurationOf(issuer: string): object {
  return {
    id_token_signing_alg_values_supported: ['RS256'],
    issuer,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    response_types_supported: ['code', 'token'],
    scopes_supported: ['openid', 'email', 'phone', 'profile'],
    subject_types_supported: ['public'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
  }
}
