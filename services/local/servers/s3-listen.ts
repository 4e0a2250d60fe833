import diagnostics from 'node:diagnostics_channel'
import { addCors } from './s3-cors.ts'
import { addMultipartLists, type Hooked } from './s3-multipart-lists.ts'

interface Listener extends Hooked {
  listen(options: { port: number; host: string }): Promise<string>
}

interface Settings {
  host: string
  /** The file that keeps the CORS rules of the buckets. Left out: they are in memory. */
  corsFile: string | undefined
}

/**
 * Starts fauxqs on one address. By itself, fauxqs listens on every interface and checks no signature, which would open
 * the data to the network. Fastify publishes every new instance on this channel, and fauxqs creates its instance before
 * its first await.
 */
export function listeningOn<T>({ host, corsFile }: Settings, start: () => Promise<T>): Promise<T> {
  let bound = false
  const bind = (message: unknown) => {
    const { fastify } = message as { fastify: Listener }
    const listen = fastify.listen.bind(fastify)
    fastify.listen = options => listen({ ...options, host })
    takeEveryContentType(fastify)
    addCors(fastify, corsFile)
    replaceResponseHeaders(fastify)
    addMultipartLists(fastify)
    bound = true
  }
  diagnostics.subscribe('fastify.initialization', bind)
  try {
    const started = start()
    if (!bound)
      throw new Error(
        'fauxqs did not create a Fastify instance, so its address cannot be set: its version may have changed',
      )
    return started
  } finally {
    diagnostics.unsubscribe('fastify.initialization', bind)
  }
}

/**
 * Lets objects have any content type, as S3 does. fauxqs also emulates a queue, and chooses by content type: it parses
 * a body of `application/x-www-form-urlencoded` or `application/x-amz-json-1.0` as a queue request, which ends in a
 * 500. It rejects types that Fastify cannot parse. So the type is hidden while the body is read.
 */
function takeEveryContentType(fastify: Hooked): void {
  const types = new WeakMap<object, string | string[]>()

  fastify.addHook('onRequest', async ({ raw: { headers } }) => {
    const type = headers['content-type']
    if (type === undefined) return
    types.set(headers, type)
    headers['content-type'] = 'application/octet-stream'
  })

  fastify.addHook('preHandler', async ({ raw: { headers } }) => {
    const type = types.get(headers)
    if (type !== undefined) headers['content-type'] = type
  })
}

const REPLACEABLE = [
  'content-type',
  'content-language',
  'expires',
  'cache-control',
  'content-disposition',
  'content-encoding',
] as const

/**
 * Replaces response headers by the parameters `response-content-type` and so on, as S3 does. fauxqs ignores them, and a
 * browser would then show a download instead of saving it.
 */
function replaceResponseHeaders(fastify: Hooked): void {
  fastify.addHook('onSend', async ({ method, url }, reply) => {
    if ((method !== 'GET' && method !== 'HEAD') || reply.statusCode >= 300) return
    const { searchParams } = new URL(url, 'http://s3')
    for (const name of REPLACEABLE) {
      const value = searchParams.get(`response-${name}`)
      if (value !== null) reply.header(name, value)
    }
  })
}
