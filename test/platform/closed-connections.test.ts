import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { GetObjectCommand } from '@aws-sdk/client-s3'
import t, { type Test } from 'tap'
import { createAwsClients } from '../../services/platform/aws.ts'

/** The size at which the parser waits and nothing is left on the socket, so that its end is seen at once. */
const BODY = Buffer.alloc(64 * 1024, 'x')

/** Starts a server that announces the end of each connection, sends one object and closes, as S3 does after some requests. */
async function startClosingServer(t: Pick<Test, 'teardown'>): Promise<string> {
  const server = createServer(socket => {
    socket.on('error', () => undefined) // The client may reset a connection that it does not read.
    socket.once('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${BODY.length}\r\netag: "1"\r\nconnection: close\r\n\r\n`)
      socket.end(BODY)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

t.test('a connection that ends while its response waits for a slow reader ends no process', async t => {
  const url = await startClosingServer(t)
  const clients = createAwsClients({
    region: 'us-east-1',
    endpoints: { s3: url, dynamodb: url, kinesis: url },
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
  })
  t.teardown(() => clients.destroy())
  for (let count = 0; count < 5; count++) {
    const { Body } = await clients.s3.send(new GetObjectCommand({ Bucket: 'bucket', Key: 'key' }))
    // The end of the connection arrives while nobody reads. undici 7 throws an assertion then, which nobody can catch.
    await sleep(50)
    const bytes = await Body?.transformToByteArray()
    t.equal(bytes?.length, BODY.length, 'the reader gets the whole object')
  }
})
