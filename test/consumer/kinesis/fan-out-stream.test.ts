import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream'
import { DeregisterStreamConsumerCommand, KinesisClient } from '@aws-sdk/client-kinesis'
import t, { type Test } from 'tap'
import { systemClock } from '../../../services/consumer/clock.ts'
import { createSubscribe } from '../../../services/consumer/kinesis/fan-out-stream.ts'
import { registerConsumer } from '../../../services/consumer/kinesis/registered-consumer.ts'
import type { StreamReader } from '../../../services/consumer/stream.ts'
import { account } from '../../../services/local/account.ts'
import { STREAM, startStream, textOf } from '../support.ts'

const SHARD = 'shardId-000000000000'
const consumerArn = `arn:aws:kinesis:us-east-1:000000000000:stream/${STREAM}/consumer/c:1700000000`
const clock = systemClock

/** Reads events until there are records. */
async function firstRecords(t: Pick<Test, 'teardown'>, subscribe: NonNullable<StreamReader['subscribe']>) {
  const ended = new AbortController()
  t.teardown(() => ended.abort())
  for await (const { records } of subscribe(SHARD, { type: 'TRIM_HORIZON' }, ended.signal)) {
    if (records.length > 0) return records
  }
  throw new Error('The subscription ended without records.')
}

/** Kinesis notices the end of the previous subscription only after a while. Until then, the shard is in use. */
async function onceFree<T>(act: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + 20_000
  for (;;) {
    try {
      return await act()
    } catch (error) {
      const isInUse = error instanceof Error && error.name === 'ResourceInUseException'
      if (!isInUse || Date.now() > deadline) throw error
    }
  }
}

t.test('a throttled SubscribeToShard is not retried by the client', async t => {
  let calls = 0
  const server = createServer((_, response) => {
    calls++
    response.writeHead(400, { 'content-type': 'application/x-amz-json-1.1' })
    response.end(JSON.stringify({ __type: 'LimitExceededException', message: 'Rate exceeded' }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { requestHandler } = (await startStream(t, { shards: 1 })).kinesis.config
  const kinesis = new KinesisClient({ ...account, requestHandler, endpoint })
  t.teardown(() => server.close())
  const subscribe = createSubscribe({ kinesis, streamName: STREAM, fanOut: { consumerArn }, clock })
  await t.rejects(firstRecords(t, subscribe), { name: 'LimitExceededException', message: 'Rate exceeded' })
  t.equal(calls, 1)
})

t.test('any number of workers register one consumer, and register it again after it was deregistered', async t => {
  const stream = await startStream(t, { shards: 1 })
  const { signal } = new AbortController()
  const settings = { kinesis: stream.kinesis, streamName: STREAM, consumerName: 'my-consumer', clock, signal }
  const arns = await Promise.all([1, 2, 3].map(() => registerConsumer(settings)))
  t.equal(new Set(arns).size, 1)
  t.match(arns[0], /:stream\/test-stream\/consumer\/my-consumer:\d+$/)

  await stream.put([{ key: 'a', data: 'one' }])
  const subscribe = createSubscribe({ ...settings, fanOut: { consumerName: 'my-consumer' } })
  t.same((await firstRecords(t, subscribe)).map(textOf), ['one'])
  await stream.kinesis.send(new DeregisterStreamConsumerCommand({ ConsumerARN: arns[0] }))
  await t.rejects(
    onceFree(() => firstRecords(t, subscribe)),
    { name: 'ResourceNotFoundException' },
  )
  const anew = await onceFree(() => firstRecords(t, subscribe))
  t.same(anew.map(textOf), ['one'], 'from the next call on')
})

t.test('a client with HTTP/2, which AWS requires, reads a subscription', async t => {
  const stream = await startStream(t, { shards: 1 })
  await stream.put([{ key: 'a', data: 'one' }])
  const bridge = await bridgeToHttp1(t, await stream.kinesis.config.endpoint?.())
  const kinesis = new KinesisClient({ ...account, endpoint: bridge })
  t.teardown(() => kinesis.destroy())
  const subscribe = createSubscribe({ kinesis, streamName: STREAM, fanOut: { consumerName: 'my-consumer' }, clock })
  t.same((await firstRecords(t, subscribe)).map(textOf), ['one'])
})

/** Accepts HTTP/2 and forwards HTTP/1.1, because kinesis-local supports only that. */
async function bridgeToHttp1(
  t: Pick<Test, 'teardown'>,
  target: (Pick<URL, 'hostname'> & { port?: number }) | undefined,
) {
  const server = createHttp2Server((request, response) => {
    const own = /^:|^host$|^connection$/
    const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !own.test(name)))
    const onward = httpRequest(
      { hostname: target?.hostname, port: target?.port, path: '/', method: 'POST', headers, agent: false },
      answer => {
        response.writeHead(answer.statusCode ?? 500, { 'content-type': answer.headers['content-type'] ?? '' })
        // If one end is cut, the other one is cut too.
        pipeline(answer, response, () => undefined)
      },
    )
    response.once('close', () => onward.destroy())
    pipeline(request, onward, () => undefined)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
