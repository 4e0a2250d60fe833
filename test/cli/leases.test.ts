import { PutRecordsCommand } from '@aws-sdk/client-kinesis'
import t from 'tap'
import { KinesisConsumer } from '../../services/consumer/index.ts'
import { names } from '../../services/platform/resources.ts'
import { startAws } from '../support/aws.ts'
import { headgateHere, runHeadgate } from './program.ts'

t.test('headgate leases shows who reads each shard and how far behind it is', async t => {
  const aws = await startAws(t, { shards: 2 })
  const { kinesis, dynamodb } = aws
  const headgate = headgateHere(t, aws.env)

  const before = await headgate('leases')
  t.equal(before.code, 1)
  t.match(before.stderr, /^There is no lease table 'headgate-worker'.*Check APPLICATION_NAME and AWS_REGION\.$/m)

  // Enough keys for both shards.
  const keys = Array.from({ length: 20 }, (_, n) => `key-${n}`)
  const put = () =>
    kinesis.send(
      new PutRecordsCommand({
        StreamName: names.stream,
        Records: keys.map(PartitionKey => ({ PartitionKey, Data: Buffer.from(PartitionKey) })),
      }),
    )
  const handled = Promise.withResolvers<void>()
  let left = keys.length
  const consumer = new KinesisConsumer({
    applicationName: names.application,
    streamName: names.stream,
    kinesis,
    dynamodb,
    workerId: 'worker-1',
    handler: () => {
      if (--left === 0) handled.resolve()
    },
  })
  t.teardown(() => consumer.stop())
  await consumer.start()
  await put()
  await handled.promise

  const held = await headgate('leases', '--table', '--json')
  t.equal(held.code, 0, held.stderr)
  t.match(held.lines(), [
    { shardId: /^shardId-0*0$/, owner: 'worker-1' },
    { shardId: /^shardId-0*1$/, owner: 'worker-1' },
  ])

  await consumer.stop()
  await put()
  const waiting = await headgate('leases', '--json')
  t.equal(waiting.code, 0, waiting.stderr)
  for (const lease of waiting.lines()) {
    t.match(lease, { owner: null, checkpoint: /^\d{20,}$/, doneUpTo: /Z$/, oldestWaiting: /Z$/, isTrimmed: false })
    t.ok(lease.doneUpTo <= lease.oldestWaiting && lease.lagMs >= 0)
  }
  const { stdout } = await runHeadgate(t, aws.env, 'leases')
  t.match(stdout, /^SHARD +OWNER +CHECKPOINT +DONE UP TO +WAITING\nshardId-0*0 +- +\d+ +(\d+[ms] ?)+ +(\d+[ms] ?)+\n/)
})

t.test('headgate leases names every invalid variable, and reports an AWS endpoint that cannot be reached', async t => {
  const none = await runHeadgate(t, { AWS_REGION: '', STREAM_NAME: 'no spaces' }, 'leases')
  t.equal(none.code, 1)
  t.match(none.stderr, /AWS_REGION: is required\n {2}STREAM_NAME: must match/)
  t.match(none.stderr, /\nOn a laptop, `npm start` and `headgate local` print lines that set them\./)
  const aws = { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b', AWS_MAX_ATTEMPTS: '1' }
  const away = await runHeadgate(t, { ...aws, AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:1' }, 'leases')
  t.equal(away.code, 1)
  t.match(away.stderr, /^The request to AWS failed: .*ECONNREFUSED[\s\S]*Check AWS_REGION and/)
})
