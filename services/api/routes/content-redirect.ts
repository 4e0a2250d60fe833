import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Backend } from '../backend.ts'
import type { Download } from '../download/download-url.ts'
import type { ProblemSlug } from '../problems/catalogue.ts'
import { problemResponses } from '../problems/problem.ts'
import { COMMON_PROBLEMS, emptyResponse } from './schemas.ts'

/** Where a client gets the bytes of a file. */
export const downloadSchema = Type.Object(
  {
    url: Type.String({
      format: 'uri',
      description: 'A URL from which anybody can download the file: keep it secret. Send no token to it.',
    }),
    expiresAt: Type.Optional(
      Type.String({
        description: 'ISO 8601, UTC. The download must start before. Missing for a `data:` URL, which never expires.',
      }),
    ),
    filename: Type.String({ description: 'The name under which a browser saves the file.' }),
    contentType: Type.String(),
    size: Type.Integer({ description: 'bytes' }),
  },
  { additionalProperties: false },
)

/** Explains both responses of a route that sends a file, for the OpenAPI document. */
export const downloadDescription =
  'Redirects to the file. With `Accept: application/json`, responds with its URL instead, for web pages: a redirect to another origin loses the origin of the page. An `Accept` that has `*/*` too gets the redirect.'

/** The responses of a route that redirects to an object. */
export const redirectResponses = (...others: ProblemSlug[]) => ({
  200: {
    description: 'The URL of the file, if the request has `Accept: application/json`.',
    content: { 'application/json': { schema: downloadSchema } },
  },
  302: emptyResponse('A URL from which anybody can download the object for one minute. Keep it secret.', {
    location: { type: 'string', format: 'uri' },
  }),
  ...problemResponses('not-found', 'content-gone', 'content-withheld', ...others, ...COMMON_PROBLEMS),
})

/**
 * Returns whether a client wants the URL of a file as JSON. A client that accepts everything does not: HTTP libraries send
 * `application/json, text/plain, *` + `/*` by default, and then follow the redirect.
 */
export function wantsUrl({ headers: { accept = '' } }: FastifyRequest): boolean {
  const types = accept.split(',').map(range => range.split(';', 1)[0]?.trim().toLowerCase())
  return types.includes('application/json') && !types.includes('*/*')
}

/** Redirects to an object, or sends its URL. Only the client gets the URL: the log of requests has no responses. */
export async function redirectTo(
  downloadUrl: Backend['downloadUrl'],
  download: Omit<Download, 'method'>,
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
): Promise<void> {
  const isJson = wantsUrl(request)
  const method = request.method === 'HEAD' && !isJson ? 'HEAD' : 'GET'
  const { url, expiresAt, contentType, size } = await downloadUrl({ ...download, method })
  reply.header('cache-control', 'no-store').header('referrer-policy', 'no-referrer')
  if (!isJson) await reply.redirect(url, 302)
  else {
    const { filename } = download
    await reply.send({ url, expiresAt: expiresAt.toISOString(), filename, contentType, size })
  }
}
