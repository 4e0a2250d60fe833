import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import { fetch, type RequestInit, type Response } from 'undici'
import { BadRequestError } from '../errors.ts'

/** An api, and a user who uploads with it. */
export interface UploadsAccess {
  apiUrl: string
  /** The name of the user, for the page. Null if it is not known. */
  user: string | null
  /** Returns a valid token. `rejected` is a token that the api did not accept. */
  getToken(request: { rejected: string | undefined }): Promise<string> | string
}

export interface UploadsDeps {
  access: UploadsAccess
  allowChanges: boolean
  closing: AbortSignal
}

const ID = ':id([\\w-]{1,64})'

/** The paths of the api that the page may use. The page never gets the token of the api. */
const READING = [
  '/uploads',
  '/uploads/limits',
  `/uploads/${ID}`,
  `/uploads/${ID}/events`,
  `/uploads/${ID}/content`,
  `/uploads/${ID}/processed`,
  `/uploads/${ID}/outputs/:name`,
]

const CHANGING = [
  ['POST', '/uploads'],
  ['DELETE', `/uploads/${ID}`],
  ['POST', '/uploads/tus'],
  ['HEAD', `/uploads/tus/${ID}`],
  ['PATCH', `/uploads/tus/${ID}`],
  ['DELETE', `/uploads/tus/${ID}`],
] as const

const REQUEST_HEADERS =
  /^(?:accept|content-type|content-length|content-digest|idempotency-key|if-none-match|last-event-id|range|tus-.+|upload-.+)$/
const RESPONSE_HEADERS =
  /^(?:content-type|content-length|content-disposition|content-range|etag|last-modified|location|retry-after|tus-.+|upload-.+)$/

/** Passes requests of the page on to the api, as the user. Bodies are streamed in both directions. */
export const uploadsRoutes: FastifyPluginCallback<UploadsDeps> = (app, { access, allowChanges, closing }, done) => {
  // The bodies are passed on unread.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, parsed) => parsed(null, payload))

  async function forward(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const gone = new AbortController()
    reply.raw.once('close', () => gone.abort())
    const signal = AbortSignal.any([gone.signal, closing])
    const token = await access.getToken({ rejected: undefined })
    try {
      const first = await send(request, token, signal)
      // A body can be sent only once. The client of the page repeats such a request itself.
      const isRejected = first.status === 401 && request.body === undefined
      const response = isRejected ? await send(request, await access.getToken({ rejected: token }), signal) : first
      if (isRejected) await first.body?.cancel()
      return await answer(reply, response)
    } catch (error) {
      if (!gone.signal.aborted) throw error
      // The page was closed, so nobody reads a response.
      return reply.hijack()
    }
  }

  async function send(request: FastifyRequest, token: string, signal: AbortSignal): Promise<Response> {
    const url = `${access.apiUrl.replace(/\/$/, '')}${pathOf(request)}`
    const headers = { ...chosen(request.headers, REQUEST_HEADERS), authorization: `Bearer ${token}` }
    const options: RequestInit = { method: request.method, headers, signal }
    if (request.body instanceof Readable) Object.assign(options, { body: request.body, duplex: 'half' })
    return await fetch(url, options)
  }

  for (const path of READING) app.get(`/api${path}`, { exposeHeadRoute: false }, forward)
  if (allowChanges) for (const [method, url] of CHANGING) app.route({ method, url: `/api${url}`, handler: forward })
  done()
}

/**
 * Returns the path of the api that the matched route stands for. It is not cut from the path of the request, because the router also
 * finds a route by other spellings of its path, and the token must not be sent anywhere else.
 *
 * @throws BadRequestError
 */
function pathOf({ routeOptions, params, url }: FastifyRequest): string {
  const pattern = (routeOptions.url ?? '').slice('/api'.length)
  const values = params as Record<string, string>
  const path = pattern.replaceAll(/:(\w+)(?:\([^)]*\))?/g, (_, name: string) => segmentOf(values[name] ?? ''))
  const query = url.indexOf('?')
  return query === -1 ? path : `${path}${url.slice(query)}`
}

/** @throws BadRequestError if fetch would remove the segment from the path */
function segmentOf(value: string): string {
  if (value === '.' || value === '..') throw new BadRequestError(`There is no output '${value}'.`)
  return encodeURIComponent(value)
}

async function answer(reply: FastifyReply, response: Response): Promise<FastifyReply> {
  const headers = chosen(Object.fromEntries(response.headers), RESPONSE_HEADERS)
  // The page reaches the api below /api.
  if (headers.location?.startsWith('/uploads')) headers.location = `/api${headers.location}`
  // fetch has already decoded the body.
  if (response.headers.has('content-encoding')) delete headers['content-length']
  reply.code(response.status).headers(headers)
  if (!response.body) return reply.send()
  reply.hijack()
  const { raw } = reply
  raw.writeHead(response.status, reply.getHeaders() as Record<string, string>)
  await pipeline(Readable.fromWeb(response.body), raw).catch((error: unknown) => {
    // The page has closed the connection, or the api broke off. The page then sees that the body is incomplete.
    raw.destroy(error instanceof Error ? error : undefined)
  })
  return reply
}

function chosen(headers: Record<string, string | string[] | undefined>, names: RegExp): Record<string, string> {
  const entries = Object.entries(headers).flatMap(([name, value]) =>
    typeof value === 'string' && names.test(name) ? [[name, value] as const] : [],
  )
  return Object.fromEntries(entries)
}
