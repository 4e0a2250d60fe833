import { readFileSync } from 'node:fs'
import path from 'node:path'
import { PutRecordCommand } from '@aws-sdk/client-kinesis'
import t from 'tap'
import type { LiveEvent } from '../../services/console/snapshot.ts'
import { KinesisConsumer } from '../../services/consumer/index.ts'
import { names } from '../../services/platform/resources.ts'
import { startAws } from '../support/aws.ts'
import { operation, startFaultProxy } from '../support/fault-proxy.ts'
import { answer } from '../support/faults/faults.ts'
import { liveEvents, startTestConsole } from './support.ts'

interface Policy {
  Statement: Array<{ Action: string[] }>
}

function documentedActions(): string[] {
  const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/how-to/console.md'), 'utf8')
  const json = /<!-- policy -->\s*```json\n([\s\S]*?)```/.exec(page)?.[1] ?? ''
  return (JSON.parse(json) as Policy).Statement.flatMap(({ Action }) => Action)
}

t.test('the console needs exactly the permissions of its policy, and names one that is missing', async t => {
  const aws = await startAws(t, { shards: 2 })
  const { kinesis, dynamodb } = aws
  const proxies = {
    s3: await startFaultProxy(t, aws.endpoints.s3),
    dynamodb: await startFaultProxy(t, aws.endpoints.dynamodb),
    kinesis: await startFaultProxy(t, aws.endpoints.kinesis),
  }
  const consumer = new KinesisConsumer({
    applicationName: names.application,
    streamName: names.stream,
    kinesis,
    dynamodb,
    workerId: 'worker-1',
    handler: () => undefined,
  })
  t.teardown(() => consumer.stop())
  await consumer.start()
  const put = (key: string) =>
    kinesis.send(new PutRecordCommand({ StreamName: names.stream, PartitionKey: key, Data: Buffer.from(key) }))
  const { ShardId: shardId } = await put('a')
  const console = await startTestConsole(t, {
    s3: proxies.s3.url,
    dynamodb: proxies.dynamodb.url,
    kinesis: proxies.kinesis.url,
  })
  const seen = () => Object.values(proxies).flatMap(proxy => proxy.seen)
  t.strictSame(seen(), [], 'a console without a page sends nothing')

  const stop = new AbortController()
  t.teardown(() => stop.abort())
  const events = liveEvents<LiveEvent>(console, stop.signal)
  /** Reads events until one fits. */
  async function until(fits: (event: LiveEvent) => boolean): Promise<LiveEvent> {
    for (;;) {
      const next = await events.next()
      if (next.done) throw new Error('The live events have ended')
      if (fits(next.value)) return next.value
    }
  }

  await t.test('the live data has the shards, the owner, the lag and what arrives', async t => {
    const ids = new Set<string>()
    await until(({ shards }) => {
      for (const { id, lease, lag, arrivals } of shards) if (lease?.owner === 'worker-1' && lag && arrivals) ids.add(id)
      return ids.size === 2
    })
    const { summary } = await until(({ summary: { workers } }) => workers[0]?.state === 'alive')
    t.strictSame(summary.findings, [])
    t.strictSame(summary.workers[0]?.shards.length, 2)
  })

  await t.test('every start of a read works', async t => {
    for (const query of ['from=oldest', 'from=checkpoint', `from=time&at=${Date.now() - 60_000}`]) {
      const response = await console.get(`/api/shards/${shardId}/records?${query}`)
      const lines = (await response.text())
        .trim()
        .split('\n')
        .map(line => JSON.parse(line))
      t.equal(
        lines.find(({ type }) => type === 'failure'),
        undefined,
        query,
      )
      const { type, isEnd } = lines.at(-1)
      t.strictSame({ type, isEnd }, { type: 'position', isEnd: false }, query)
    }
    const invalid = await console.get(`/api/shards/${shardId}/records?from=time`)
    t.equal(invalid.status, 400)
    t.equal((await console.get('/api/shards/shardId-9/records?from=oldest')).status, 400)
  })

  await t.test('the recorded calls are those of the policy', async t => {
    const service: Record<string, string> = { Kinesis_20131202: 'kinesis', DynamoDB_20120810: 'dynamodb' }
    const actions = seen().map(({ target }) => {
      const [name = '', action] = target.split('.')
      return `${service[name]}:${action}`
    })
    t.strictSame([...new Set(actions)].sort(), documentedActions().sort())
  })

  await t.test('a missing permission is named, until it is there', async t => {
    const denied = answer(
      400,
      { 'content-type': 'application/x-amz-json-1.1' },
      JSON.stringify({ __type: 'AccessDeniedException', message: 'User ann is not authorized' }),
    )
    const injected = proxies.dynamodb.inject(denied, { when: operation('Scan') })
    const { summary } = await until(({ summary: { findings } }) => findings.length > 0)
    t.equal(
      summary.findings[0]?.title,
      `The credentials do not allow dynamodb:Scan on the lease table '${names.application}'.`,
    )
    t.match(summary.findings[0]?.text, 'User ann is not authorized')
    injected.remove()
    await until(({ summary: { findings } }) => findings.length === 0)
  })

  await t.test('when the page is closed, the console rests', async t => {
    stop.abort()
    const rests = Promise.withResolvers<void>()
    // Requests in flight end, and then none follow. The lease table is scanned every two seconds otherwise.
    let before = seen().length
    const timer = setInterval(() => {
      if (seen().length === before) rests.resolve()
      before = seen().length
    }, 5_000)
    await rests.promise
    clearInterval(timer)
    t.pass('no request for five seconds')
  })
})
