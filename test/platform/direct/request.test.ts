import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { getEndpointFromInstructions } from '@smithy/core/endpoints'
import { UndiciHttpHandler } from '@smithy/undici-http-handler'
import t, { type Test } from 'tap'
import { createSendDirect } from '../../../services/platform/direct/request.ts'

const request = {
  method: 'POST',
  path: '/',
  headers: { 'x-amz-target': 'T.PutItem' },
  body: Buffer.from('{"a":1}'),
} as const

interface Seen {
  headers: IncomingMessage['headers']
  body: string
  port: number | undefined
}

/** Starts a server that responds as `answer` says, and creates a client of it. */
async function start(t: Pick<Test, 'teardown'>, answer: (response: ServerResponse, times: number) => void) {
  const seen: Seen[] = []
  const server = createServer(async (incoming, response) => {
    seen.push({ headers: incoming.headers, body: await text(incoming), port: incoming.socket.remotePort })
    answer(response, seen.length)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  let times = 0
  const dynamodb = new DynamoDBClient({
    region: 'eu-west-1',
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requestHandler: new UndiciHttpHandler({ dispatcher: { connections: 1 } }),
    credentials: async () => ({
      accessKeyId: `KEY${++times}`,
      secretAccessKey: 'secret',
      // The credentials expire at once, so the client loads new ones for each request.
      expiration: new Date(),
    }),
  })
  t.teardown(() => dynamodb.destroy())
  return { seen, dynamodb }
}

const resolve = (dynamodb: DynamoDBClient) => () =>
  getEndpointFromInstructions({ TableName: 'table' }, PutItemCommand, dynamodb.config)

t.test('resolves to a response with status 200, and to undefined for any other status', async t => {
  const { seen, dynamodb } = await start(t, (response, times) => {
    response.writeHead([200, 400, 503][times - 1] ?? 200).end(`answer ${times}`)
  })
  const send = createSendDirect(dynamodb.config, 'dynamodb', resolve(dynamodb))
  t.equal(Buffer.from((await send(request))?.body ?? []).toString(), 'answer 1')
  t.equal(await send(request), undefined)
  t.equal(await send(request), undefined)
  t.equal(seen.length, 3, 'each was sent once')
  t.ok(
    seen.every(({ port }) => port === seen[0]?.port),
    'an answer is read to its end, so that its connection is used again',
  )
  t.match(seen[0], {
    body: '{"a":1}',
    headers: {
      'content-length': '7',
      'x-amz-target': 'T.PutItem',
      authorization: /\/eu-west-1\/dynamodb\/aws4_request/,
    },
  })
})

t.test('signs each request with the current credentials', async t => {
  const { seen, dynamodb } = await start(t, response => response.end('{}'))
  const send = createSendDirect(dynamodb.config, 'dynamodb', resolve(dynamodb))
  for (let time = 0; time < 3; time++) await send(request)
  const keys = seen.map(({ headers }) => /Credential=(\w+)/.exec(headers.authorization ?? '')?.[1])
  t.equal(new Set(keys).size, 3)
})

t.test('signs with the clock offset that the client has learned', async t => {
  const { seen, dynamodb } = await start(t, response => response.end('{}'))
  dynamodb.config.systemClockOffset = -86_400_000 * 400
  await createSendDirect(dynamodb.config, 'dynamodb', resolve(dynamodb))(request)
  const year = Number(String(seen[0]?.headers['x-amz-date']).slice(0, 4))
  t.ok(year < new Date().getUTCFullYear(), `${year}`)
})

t.test('rejects when the connection breaks, without a retry', async t => {
  const { seen, dynamodb } = await start(t, response => response.destroy())
  await t.rejects(createSendDirect(dynamodb.config, 'dynamodb', resolve(dynamodb))(request))
  t.equal(seen.length, 1)
})

t.test('resolves the endpoint again after a failure', async t => {
  const { dynamodb } = await start(t, response => response.end('{}'))
  let asked = 0
  const send = createSendDirect(dynamodb.config, 'dynamodb', async () => {
    if (++asked === 1) throw new Error('no endpoint yet')
    return await resolve(dynamodb)()
  })
  await t.rejects(send(request), { message: 'no endpoint yet' })
  t.ok(await send(request))
  t.ok(await send(request))
  t.equal(asked, 2)
})
