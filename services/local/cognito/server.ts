import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { jwksOf, openidConfigurationOf } from './discovery.ts'
import { CognitoError } from './errors.ts'
import { findOperation } from './operations/index.ts'
import type { Context } from './operations/operation.ts'
import { answer, answerError, CONTENT_TYPE, readInput } from './wire.ts'

export interface ServerSettings {
  context: Context
  /** Resolves once every change so far will outlast the process. */
  save(): Promise<void>
  /** What went wrong inside: the caller is told only that something did. */
  report(error: unknown): void
}

/** The HTTP side: Cognito's API at `POST /`, and each pool's documents under its id. */
export function createCognitoServer({ context, save, report }: ServerSettings): Server {
  async function runOperation(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const operation = findOperation(request.headers['x-amz-target']?.toString())
    const output = await operation.run(await readInput(request), context)
    // Nobody may rely on what a crash could still take back.
    if (operation.writes) await save()
    answer(response, 200, output, CONTENT_TYPE)
  }

  async function runRoute(method: string, path: string, response: ServerResponse): Promise<void> {
    const [poolId = '', ...rest] = path.slice(1).split('/')
    const pool = context.pools.find(poolId)
    if (!pool) return notFound(response, 'There is no such user pool here.')
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
    notFound(response, 'There is nothing here.')
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request
    const [path = ''] = url.split('?')
    try {
      if (method === 'POST' && path === '/') await runOperation(request, response)
      else await runRoute(method, path, response)
    } catch (error) {
      // The caller hung up in the middle of the request: there is nobody left to tell.
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
    throw new CognitoError('InvalidParameterException', 'The address is not well-formed.', { cause })
  }
}

function internalError(cause: unknown): CognitoError {
  return new CognitoError('InternalErrorException', 'Something went wrong in the server.', { cause })
}
