import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { GetItemCommand, ListTablesCommand } from '@aws-sdk/client-dynamodb'
import { ListStreamsCommand } from '@aws-sdk/client-kinesis'
import { ListBucketsCommand } from '@aws-sdk/client-s3'
import t, { type Test } from 'tap'
import { isUnavailable } from '../../services/api/problems/unavailable.ts'
import { createAwsClients } from '../../services/platform/aws.ts'

/** Starts a service that truncates the given number of responses, and then sends a complete one. */
async function startServer(t: Test, { cut }: { cut: number }) {
  let requests = 0
  const server = createServer((request, response) => {
    request.resume()
    const body = request.headers['x-amz-target'] ? '{"TableNames":[],"StreamNames":[]}' : '<ListAllMyBucketsResult/>'
    response.writeHead(200, { 'content-length': body.length })
    if (++requests > cut) return response.end(body)
    response.write(body.slice(0, 5))
    setImmediate(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  process.env.AWS_ENDPOINT_URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  process.env.AWS_ACCESS_KEY_ID = 'test'
  process.env.AWS_SECRET_ACCESS_KEY = 'test'
  const clients = createAwsClients({ region: 'us-east-1' })
  t.teardown(() => {
    clients.destroy()
    server.closeAllConnections()
    server.close()
  })
  return { ...clients, requests: () => requests }
}

t.test('retries a request whose response breaks off, for each service', async t => {
  const calls = {
    dynamodb: ({ dynamodb }: Awaited<ReturnType<typeof startServer>>) => dynamodb.send(new ListTablesCommand({})),
    kinesis: ({ kinesis }: Awaited<ReturnType<typeof startServer>>) => kinesis.send(new ListStreamsCommand({})),
    s3: ({ s3 }: Awaited<ReturnType<typeof startServer>>) => s3.send(new ListBucketsCommand({})),
  }
  for (const [service, call] of Object.entries(calls)) {
    const server = await startServer(t, { cut: 2 })
    await t.resolves(call(server), service)
    t.equal(server.requests(), 3, `${service}: two that broke off, and one`)
  }
})

t.test('the api treats a response that breaks off every time as a temporary failure', async t => {
  const server = await startServer(t, { cut: 100 })
  const get = new GetItemCommand({ TableName: 'table', Key: { id: { S: '1' } } })
  const error = await server.dynamodb.send(get).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  t.match(error, { name: 'RequestTimeout' })
  t.ok(isUnavailable(error))
  t.ok(server.requests() > 1)
})
