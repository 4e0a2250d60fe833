import type { Hooked } from './s3-multipart-lists.ts'

/**
 * fauxqs is a queue as well, and takes a body for a queue's by its content type: an object of `application/x-www-form-urlencoded`
 * or `application/x-amz-json-1.0` reaches its S3 parsed, and ends in a 500. A type that Fastify cannot parse is refused. S3 stores
 * whatever type it is given, so the type is hidden while the body is read.
 */
export function takeEveryContentType(fastify: Hooked): void {
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
