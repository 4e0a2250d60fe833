import { AsyncLocalStorage } from 'node:async_hooks'
import fastifyPlugin from 'fastify-plugin'
import { ProblemError } from '../problems/problem.ts'

/** What an event of API Gateway has of a body. */
export interface EventBody {
  body?: string | null | undefined
  isBase64Encoded?: boolean | undefined
}

/** What the gateway puts in the place of bytes that are not UTF-8. */
const REPLACEMENT = '\uFFFD'

const DETAIL =
  'API Gateway passes a body of this content type on as UTF-8, and replaces what is not UTF-8. Send the file as application/octet-stream or in a form, or send a Content-Digest with it.'

const current = new AsyncLocalStorage<EventBody>()

/** Runs the work of an invocation with the body of its event. */
export function withGatewayBody<T>(event: EventBody, work: () => T): T {
  return current.run(event, work)
}

/**
 * Refuses a body that is not the one that its client sent: a text that has the replacement character, and any body whose length differs
 * from its `Content-Length`. A text that has that character of its own looks the same, even in its length: a digest of the body proves
 * it, and is compared as always.
 */
export const gatewayBody = fastifyPlugin(
  async app => {
    app.addHook('preParsing', async ({ headers }) => {
      const event = current.getStore()
      if (!event) return
      const { isBase64Encoded = false } = event
      const body = event.body ?? ''
      const arrived = Buffer.byteLength(body, isBase64Encoded ? 'base64' : 'utf8')
      const length = headers['content-length']
      const isOther = length !== undefined && Number(length) !== arrived
      if (!isOther && (isBase64Encoded || !body.includes(REPLACEMENT))) return
      const isProven = headers['content-digest'] !== undefined || headers['repr-digest'] !== undefined
      if (isProven) return
      if (!isBase64Encoded && body !== '') throw new ProblemError('unsupported-media-type', DETAIL)
      throw new ProblemError('bad-request', `The body has ${arrived} bytes, and its Content-Length is ${length}.`)
    })
  },
  { name: 'gateway-body', fastify: '5.x' },
)
