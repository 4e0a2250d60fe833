import type { Test } from 'tap'
import { httpApiEvent, restApiEvent } from '../../../api/gateway-events.ts'
import { FunctionError } from '../emulator.ts'
import { type GatewayCase, type GatewayScene, holdToCase } from './gateway-case.ts'

const json = { 'content-type': 'application/json' }
const MISSING: Omit<GatewayCase, 'event'> = {
  status: 401,
  problem: 'missing-token',
  headers: { 'www-authenticate': 'Bearer' },
}

/** Events that exist only in payload 2.0 of an HTTP API. */
function httpCases({ user: { auth } }: GatewayScene): Record<string, GatewayCase> {
  const event = (method: string, path: string, change: object = {}) => ({
    ...httpApiEvent({ method, path, headers: auth }),
    ...change,
  })
  const list = event('GET', '/uploads')
  const { headers: _headers, ...headless } = list
  const queried = (rawQueryString: string, queryStringParameters: Record<string, string>) => ({
    ...event('POST', '/uploads', { rawQueryString, queryStringParameters, body: 'x' }),
    headers: { ...auth, 'content-type': 'text/plain' },
  })
  const staged = (rawPath: string, stage = 'prod') => ({
    ...event('GET', rawPath),
    requestContext: { ...list.requestContext, stage },
  })
  return {
    'cookies, as the gateway collects them': {
      event: { ...list, cookies: ['a=1', 'b=2; x'] },
      status: 200,
      body: { uploads: [] },
    },
    'a name twice, its values joined by the gateway': {
      event: queried('filename=a.txt&filename=b.txt', { filename: 'a.txt,b.txt' }),
      status: 400,
      problem: 'invalid-body',
      body: { detail: /filename/ },
    },
    'a name that contains a comma': {
      event: queried('filename=a%2Cb.txt', { filename: 'a,b.txt' }),
      status: 200,
      body: { filename: 'a,b.txt' },
      stored: Buffer.from('x'),
    },
    'a plus and an encoded plus': {
      event: queried('filename=a+b%2Bc.txt', { filename: 'a b+c.txt' }),
      status: 200,
      body: { filename: 'a b+c.txt' },
    },
    'a query that is not UTF-8': {
      event: queried('filename=%FF.txt', { filename: '\uFFFD.txt' }),
      status: 400,
      problem: 'invalid-body',
    },
    'a query that exists only in decoded form': {
      event: { ...queried('', { filename: 'only.txt' }) },
      status: 200,
      body: { filename: 'only.txt' },
    },
    'a named stage, which is a prefix of the path': {
      event: staged('/prod/uploads'),
      status: 200,
      body: { uploads: /^/ },
    },
    'a named stage, and no path after it': { event: staged('/prod'), status: 302 },
    'a named stage that is only similar to the path': {
      event: staged('/production/uploads'),
      status: 404,
      problem: 'not-found',
    },
    'no headers at all': { event: headless, ...MISSING },
    'two tokens, joined by the gateway': {
      event: { ...list, headers: { ...list.headers, authorization: `${auth.authorization},${auth.authorization}` } },
      status: 401,
      problem: 'invalid-token',
    },
    'a body of null': {
      event: { ...event('POST', '/uploads', { body: null }), headers: { ...auth, ...json } },
      status: 400,
      problem: 'malformed-json',
    },
    'a body without isBase64Encoded': {
      event: (() => {
        const { isBase64Encoded: _, ...rest } = httpApiEvent({
          method: 'POST',
          path: '/uploads',
          headers: { ...auth, ...json },
          body: '{"content":"plain"}',
        })
        return rest
      })(),
      status: 200,
      stored: Buffer.from('plain'),
    },
    'the headers in which the adapter passes events to the api': {
      event: { ...list, headers: { ...list.headers, authorization: '', 'x-apigateway-event': '%7B%7D' } },
      ...MISSING,
    },
  }
}

/** Events that exist only in payload 1.0 of a REST API. */
function restCases({ user: { auth } }: GatewayScene, uploadId: string): Record<string, GatewayCase> {
  const get = (path: string) => restApiEvent({ method: 'GET', path, headers: auth })
  const list = get('/uploads')
  const multi = (name: string, values: string[], path = '/uploads') => {
    const event = get(path)
    return { ...event, multiValueHeaders: { ...event.multiValueHeaders, [name]: values } }
  }
  const queried = (values: Record<string, string[]>) => ({
    ...restApiEvent({
      method: 'POST',
      path: '/uploads',
      headers: { ...auth, 'content-type': 'text/plain' },
      body: 'x',
    }),
    queryStringParameters: Object.fromEntries(Object.entries(values).map(([name, all]) => [name, all.at(-1) ?? ''])),
    multiValueQueryStringParameters: values,
  })
  const { multiValueHeaders: _multi, ...single } = list
  return {
    'headers of null': {
      event: { ...get('/livez'), headers: null, multiValueHeaders: null },
      status: 200,
      body: { status: 'ok' },
    },
    'headers of null where a token is needed': {
      event: { ...list, headers: null, multiValueHeaders: null },
      ...MISSING,
    },
    'no multiValueHeaders': { event: single, status: 200, body: { uploads: /^/ } },
    'two tokens': {
      event: multi('Authorization', [auth.authorization, auth.authorization]),
      status: 400,
      problem: 'bad-request',
    },
    'two values of If-None-Match': {
      event: multi('If-None-Match', ['"x"', '"y"'], `/uploads/${uploadId}`),
      status: 200,
      body: { uploadId },
    },
    'two values of Cookie': { event: multi('Cookie', ['a=1', 'b=2']), status: 200, body: { uploads: /^/ } },
    'a name twice': {
      event: queried({ filename: ['a.txt', 'b.txt'] }),
      status: 400,
      problem: 'invalid-body',
      body: { detail: /filename/ },
    },
    'a query of decoded values': {
      event: queried({ filename: ['a,b & 日=%+.txt'] }),
      status: 200,
      body: { filename: 'a,b & 日=%+.txt' },
    },
    'a query without multiValueQueryStringParameters': {
      event: { ...queried({ filename: ['a.txt'] }), multiValueQueryStringParameters: null },
      status: 200,
      body: { filename: 'a.txt' },
    },
    'a path that starts with the stage, as in a test in the console': {
      event: { ...get('/prod/uploads') },
      status: 200,
      body: { uploads: /^/ },
    },
    'a base path of a custom domain': {
      event: { ...list, requestContext: { ...list.requestContext, path: '/v1/uploads' } },
      status: 200,
      body: { uploads: /^/ },
    },
    'no requestContext, as in an event that was written by hand': {
      event: { httpMethod: 'GET', path: '/livez' },
      status: 200,
      body: { status: 'ok' },
    },
  }
}

/** Events that are not requests. A response would look like success to their sender. */
const others: Record<string, unknown> = {
  null: null,
  'a string': 'hello',
  'an object of something else': { hello: 1 },
  'a batch of Kinesis': { Records: [] },
  'a schedule of EventBridge': { version: '0', source: 'aws.events', detail: {} },
  'a message of a WebSocket API': { requestContext: { routeKey: '$default', eventType: 'MESSAGE' }, body: 'x' },
}

export async function answerEachVersion(t: Test, scene: GatewayScene): Promise<void> {
  const { api, user } = scene
  for (const [name, one] of Object.entries(httpCases(scene))) await holdToCase(t, scene, `2.0, ${name}`, one)
  const call = { method: 'POST', path: '/uploads', headers: { ...user.auth, ...json }, body: '{}' }
  const { body } = await holdToCase(t, scene, 'an upload', { event: restApiEvent(call), status: 200 })
  const { uploadId } = JSON.parse(body) as { uploadId: string }
  for (const [name, one] of Object.entries(restCases(scene, uploadId))) await holdToCase(t, scene, `1.0, ${name}`, one)
  for (const [name, event] of Object.entries(others)) {
    const error = await api.invoke(event).catch((thrown: unknown) => thrown)
    t.ok(error instanceof FunctionError, `${name}: the invocation fails`)
    t.match(error, { errorType: 'NotGatewayEventError', message: /API Gateway/ }, name)
  }
  await holdToCase(t, scene, 'the next request', {
    event: restApiEvent({ method: 'GET', path: '/livez' }),
    status: 200,
  })
}
