import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/**
 * The configuration of a route that needs no token. Only the static page, which holds no data, has it. The guard does not decide by the
 * path of the request, because the router also finds a route by other spellings of its path, such as `/%61pi/about`.
 */
export const PUBLIC = { isPublic: true } as const

const HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' blob:",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

/**
 * Protects the console from other pages of the same browser and from other users of the same machine. The Host is checked, because a
 * name that an attacker owns can resolve to the loopback address (DNS rebinding).
 */
export function guardRequests(app: FastifyInstance, token: string): void {
  const expected = digest(`Bearer ${token}`)

  app.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    reply.headers(HEADERS)
    const { host = '', origin, authorization = '' } = request.headers
    const { localPort } = request.socket
    const names = ['127.0.0.1', 'localhost', '[::1]']
    // Clients leave the default port out.
    const hosts = localPort === 80 ? names : names.map(name => `${name}:${localPort}`)
    if (!hosts.includes(host)) return reject(reply, 421, `This console is not at ${JSON.stringify(host)}.`)
    if (origin !== undefined && origin !== `http://${host}`) {
      return reject(reply, 403, 'Pages of other origins may not use this console.')
    }
    if ('isPublic' in request.routeOptions.config) return
    reply.header('cache-control', 'no-store')
    if (!timingSafeEqual(digest(authorization), expected)) {
      return reject(reply, 401, 'The token is missing or belongs to a console that has ended.')
    }
  })
}

/** Rejects a request whose path cannot be decoded, for which the router runs no hook. */
export function rejectMalformed(_error: Error, _request: FastifyRequest, reply: FastifyReply): void {
  void reject(reply.headers(HEADERS), 400, 'The path of the request is malformed.')
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function reject(reply: FastifyReply, status: number, title: string): FastifyReply {
  const advice = 'Open the address that the console printed when it started.'
  return reply.code(status).send({ title, advice })
}
