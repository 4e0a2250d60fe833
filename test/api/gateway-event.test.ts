import { createHash } from 'node:crypto'
import type { Context } from 'aws-lambda'
import t from 'tap'
import { createLambdaHandler, type GatewayEvent } from '../../services/api/lambda-handler.ts'
import { startAws } from '../support/aws.ts'
import { httpApiEvent, restApiEvent } from './gateway-events.ts'
import { buildTestApi, createTestUser } from './support.ts'

const aws = await startAws(t)
const { app } = await buildTestApi(t, aws)
const handler = createLambdaHandler(app)
const { auth } = await createTestUser(aws)
const context = { getRemainingTimeInMillis: () => 30_000 } as Context

async function answerTo(event: GatewayEvent) {
  const { statusCode, body } = await handler(event, context)
  return { statusCode, body: JSON.parse(body) as Record<string, unknown> }
}

const list = httpApiEvent({ method: 'GET', path: '/uploads', headers: auth })

/** An upload by payload 2.0, with the query values that API Gateway joined. */
function queried(rawQueryString: string, filename: string) {
  const headers = { ...auth, 'content-type': 'text/plain' }
  const event = httpApiEvent({ method: 'POST', path: '/uploads', headers, body: 'x' })
  return { ...event, rawQueryString, queryStringParameters: { filename } }
}

t.test('the query of payload 2.0 is read as the client sent it, not as the gateway joined it', async t => {
  const twice = await answerTo(queried('filename=a.txt&filename=b.txt', 'a.txt,b.txt'))
  t.match(twice, { statusCode: 400, body: { type: 'urn:headgate:problem:invalid-body' } })
  const comma = await answerTo(queried('filename=a%2Cb.txt', 'a,b.txt'))
  t.match(comma, { statusCode: 200, body: { filename: 'a,b.txt' } })
  const plus = await answerTo(queried('filename=a+b%2Bc.txt', 'a b+c.txt'))
  t.match(plus, { statusCode: 200, body: { filename: 'a b+c.txt' } })
  const noUtf8 = await answerTo(queried('filename=%FF.txt', '\uFFFD.txt'))
  t.match(noUtf8, { statusCode: 400, body: { type: 'urn:headgate:problem:invalid-body' } })
  const byHand = await answerTo(queried('', 'only.txt'))
  t.match(byHand, { statusCode: 200, body: { filename: 'only.txt' } }, 'without a raw query the read one is used')
})

t.test('the stage is removed from a path of payload 2.0', async t => {
  const staged = (rawPath: string, stage: string) => ({
    ...{ ...list, rawPath },
    requestContext: { ...list.requestContext, stage },
  })
  t.match(await answerTo(staged('/prod/uploads', 'prod')), { statusCode: 200, body: { uploads: /^/ } })
  t.match(await answerTo(staged('/uploads', 'prod')), { statusCode: 200, body: { uploads: /^/ } })
  const root = await handler(staged('/prod', 'prod'), context)
  t.match(root, { statusCode: 302, headers: { location: '/docs' } }, 'the root redirects to the documentation')
  t.match(await answerTo(staged('/production/uploads', 'prod')), { statusCode: 404 })
  t.match(await answerTo(staged('/$default/uploads', '$default')), { statusCode: 404 })
})

t.test('a question mark or a number sign in a decoded path does not end the path', async t => {
  for (const eventOf of [httpApiEvent, restApiEvent])
    for (const path of ['/livez?a', '/livez#a'])
      t.match(await answerTo(eventOf({ method: 'GET', path })), { statusCode: 404 }, path)
})

t.test('an event that is not a request fails its invocation with the names of its fields', async t => {
  const events: Array<[unknown, RegExp]> = [
    [null, /no fields, it is null/],
    ['hello', /no fields, it is string/],
    [{}, /no fields/],
    [{ Records: [] }, /the fields Records/],
    [{ version: '0', source: 'aws.events', detail: { secret: 'kept' } }, /the fields version, source, detail/],
    [{ rawPath: '/livez' }, /the fields rawPath/],
    [{ httpMethod: 'GET' }, /the fields httpMethod/],
    [{ requestContext: { routeKey: '$connect' } }, /the fields requestContext/],
  ]
  for (const [event, fields] of events) {
    const error = await handler(event as GatewayEvent, context).catch((thrown: unknown) => thrown)
    t.match(error, { code: 'HEADGATE_NOT_A_GATEWAY_EVENT', message: fields })
    t.notMatch(String(error), /kept/)
  }
})

for (const [version, eventOf] of Object.entries({ '2.0': httpApiEvent, '1.0': restApiEvent })) {
  t.test(`${version}: a base64 or empty body whose length differs from its Content-Length is rejected`, async t => {
    const bytes = Buffer.from([1, 2, 3, 4])
    const send = (body: Buffer | undefined, length: string, more: Record<string, string> = {}) => {
      const headers = { ...auth, 'content-type': 'application/octet-stream', 'content-length': length, ...more }
      const call = { method: 'POST', path: '/uploads', query: { filename: 'a.bin' }, headers }
      return answerTo(eventOf({ ...call, ...(body && { body }) }))
    }
    t.match(await send(bytes, '4'), { statusCode: 200, body: { size: 4 } })
    t.match(await send(undefined, '0'), { statusCode: 200, body: { size: 0 } })
    for (const [body, length] of [
      [bytes, '3'],
      [bytes, '400'],
      [bytes, 'four'],
      [undefined, '400'],
    ] as const) {
      const refused = { statusCode: 400, body: { type: 'urn:headgate:problem:bad-request' } }
      t.match(await send(body, length), refused, `${body?.length ?? 'no'} bytes, Content-Length ${length}`)
    }
    const digest = `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`
    t.match(await send(bytes, '400', { 'content-digest': digest }), { statusCode: 200 }, 'a digest proves the body')
  })
}
