import { AsyncLocalStorage } from 'node:async_hooks'
import fastifyPlugin from 'fastify-plugin'
import { ProblemError } from '../problems/problem.ts'

/** The body in an event of API Gateway. */
export interface EventBody {
  body?: string | null | undefined
  isBase64Encoded?: boolean | undefined
}

/** The character with which the gateway replaces bytes that are not UTF-8. */
const REPLACEMENT = '\uFFFD'

const DETAIL =
  'API Gateway converts a body of this content type to UTF-8 and replaces bytes that are not UTF-8. Send the file as application/octet-stream or in a form, or add a Content-Digest.'

const current = new AsyncLocalStorage<EventBody>()

/** Runs the work of an invocation with the body of its event. */
export function withGatewayBody<T>(event: EventBody, work: () => T): T {
  return current.run(event, work)
}

/**
 * Rejects a body that differs from the one that its client sent: a text with the replacement character, and any body whose length differs
 * from its `Content-Length`. A text may contain the replacement character itself. A digest proves that such a body is unchanged, and is
 * verified as for every request.
 */
export const gatewayBody = fastifyPlugin(
  async app => {
    app.addHook('preParsing', async ({ headers }) => {
      const event = current.getStore()
      if (!event) return
      const { isBase64Encoded = false } = event
      const body = event.body ?? ''
      const size = Buffer.byteLength(body, isBase64Encoded ? 'base64' : 'utf8')
      const length = headers['content-length']
      const hasOtherLength = length !== undefined && Number(length) !== size
      if (!hasOtherLength && (isBase64Encoded || !body.includes(REPLACEMENT))) return
      const hasDigest = headers['content-digest'] !== undefined || headers['repr-digest'] !== undefined
      if (hasDigest) return
      if (!isBase64Encoded && body !== '') throw new ProblemError('unsupported-media-type', DETAIL)
      throw new ProblemError('bad-request', `The body has ${size} bytes, but its Content-Length is ${length}.`)
    })
  },
  { name: 'gateway-body', fastify: '5.x' },
)
