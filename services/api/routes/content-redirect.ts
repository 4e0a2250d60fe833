import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Download, UrlOf } from '../download/downloads.ts'
import type { ProblemSlug } from '../problems/catalogue.ts'
import { problemResponses } from '../problems/problem.ts'
import { COMMON_PROBLEMS, nothing } from './schemas.ts'

/** The answers of a route that redirects to an object. */
export const redirectResponses = (...others: ProblemSlug[]) => ({
  302: nothing('Where it is to be had, for a minute. The URL is a secret: with it anybody can.', {
    location: { type: 'string', format: 'uri' },
  }),
  ...problemResponses('not-found', 'content-gone', 'content-withheld', ...others, ...COMMON_PROBLEMS),
})

/** Redirects to an object. The URL goes to the client alone: nothing that logs the answer logs its headers. */
export async function redirectTo(
  urlOf: UrlOf,
  download: Omit<Download, 'method'>,
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
): Promise<void> {
  const url = await urlOf({ ...download, method: request.method === 'HEAD' ? 'HEAD' : 'GET' })
  await reply.header('cache-control', 'no-store').header('referrer-policy', 'no-referrer').redirect(url, 302)
}
