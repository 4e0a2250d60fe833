import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { PutRecordCommand } from '@aws-sdk/client-kinesis'
import t from 'tap'
import { ConsumerOptionError, MemoryBudget } from '../../services/consumer/index.ts'
import { account } from '../../services/local/account.ts'
import { createStream } from '../../services/local/resources/kinesis.ts'
import { runProgram, until } from '../support/processes.ts'
import { collector, startStream } from './support.ts'

const room = path.resolve(import.meta.dirname, '../../services/consumer')

t.test('the program of the README reads two streams, and stops both of them', async t => {
  const { kinesis, urls } = await startStream(t, { shards: 1 })
  for (const name of ['orders', 'payments']) await createStream(kinesis, { name, shards: 1, retentionHours: 24 })
  const readme = readFileSync(path.join(room, 'README.md'), 'utf8')
  const [, code = ''] = /<!-- several-streams -->\n```ts\n(.*?)```/s.exec(readme) ?? []
  t.ok(code.trim().split('\n').length <= 15, 'it is short')
  const program = path.join(t.testdir({}), 'consumers.ts')
  writeFileSync(program, code.replace("'@headgate/consumer'", JSON.stringify(path.join(room, 'index.ts'))))
  const { accessKeyId, secretAccessKey } = account.credentials
  const running = runProgram(t, [program], {
    env: {
      ...{ AWS_REGION: account.region, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
      ...{ AWS_ENDPOINT_URL_KINESIS: urls.kinesis, AWS_ENDPOINT_URL_DYNAMODB: urls.dynamodb },
    },
  })
  for (const StreamName of ['orders', 'payments'])
    await kinesis.send(new PutRecordCommand({ StreamName, PartitionKey: 'a', Data: Buffer.from('hello') }))
  const output = () => running.stdout()
  await until(() => output().includes('orders hello') && output().includes('payments hello'), {
    timeoutMs: 60_000,
    what: 'a record of each stream',
  })
  running.child.kill('SIGTERM')
  t.match(await running.ended, { code: 0 })
})

t.test('consumers share a memory budget: while one has filled it, the other fetches nothing', async t => {
  const { consumer: create, put } = await startStream(t, { shards: 1 })
  const budget = new MemoryBudget(1024 ** 2)
  const gate = Promise.withResolvers<void>()
  t.teardown(() => gate.resolve())
  await put(Array.from({ length: 12 }, (_, i) => ({ key: `k${i}`, data: 'x'.repeat(200_000) })))
  const filled = create({ applicationName: 'filled', maxBufferedBytes: budget, handler: () => gate.promise })
  await filled.start()
  await new Promise(resolve => filled.events.once('recordsFetched', resolve))
  t.ok(budget.usedBytes >= budget.maxBytes, `${budget.usedBytes} bytes`)
  t.equal(filled.metrics().bytes.buffered, budget.usedBytes)

  const { handler, records, until: whenCollected } = collector()
  const waiting = create({ applicationName: 'waiting', maxBufferedBytes: budget, handler, failoverMs: 1_000 })
  await waiting.start()
  let renewals = 0
  await new Promise<void>(resolve => {
    waiting.events.on('leaseRenewed', () => (++renewals === 3 ? resolve() : undefined))
  })
  t.equal(records.length, 0)
  t.equal(waiting.metrics().bytes.buffered, 0)
  gate.resolve()
  await whenCollected(() => records.length === 12)
})

t.test('a memory budget outside its bounds is rejected', async t => {
  t.throws(() => new MemoryBudget(10), ConsumerOptionError)
  t.throws(() => new MemoryBudget(10), { message: /'maxBytes' is 10 but must be an integer from 1048576 to/ })
})
