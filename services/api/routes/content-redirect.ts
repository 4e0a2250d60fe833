import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Backend } from '../backend.ts'
import type { Download } from '../download/download-url.ts'
import type { ProblemSlug } from '../problems/catalogue.ts'
import { problemResponses } from '../problems/problem.ts'
import { COMMON_PROBLEMS, emptyResponse } from './schemas.ts'

/** The responses of a route that redirects to an object. */
export const redirectResponses = (...others: ProblemSlug[]) => ({
  302: emptyResponse('A URL from which anybody can download the object for one minute. Keep it secret.', {
    location: { type: 'string', format: 'uri' },
  }),
  ...problemResponses('not-found', 'content-gone', 'content-withheld', ...others, ...COMMON_PROBLEMS),
})

/** Redirects to an object. Only the client gets the URL: the log of requests has no response headers. */
export async function redirectTo(
  downloadUrl: Backend['downloadUrl'],
  download: Omit<Download, 'method'>,
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
): Promise<void> {
  const url = await downloadUrl({ ...download, method: request.method === 'HEAD' ? 'HEAD' : 'GET' })
  await reply.header('cache-control', 'no-store').header('referrer-policy', 'no-referrer').redirect(url, 302)
}
