import { PutRecordsCommand } from '@aws-sdk/client-kinesis'
import t from 'tap'
import { KinesisConsumer } from '../../services/consumer/index.ts'
import { names } from '../../services/platform/resources.ts'
import { whenever } from '../consumer/support.ts'
import { startAws } from '../support/aws.ts'
import { headgateHere } from './program.ts'

t.test('headgate replay moves checkpoints back if no worker holds the leases, or with --running', async t => {
  const aws = await startAws(t, { shards: 1 })
  const { kinesis, dynamodb } = aws
  const headgate = headgateHere(t, { ...aws.env, FAILOVER_TIME_MS: '2000' })

  t.match(await headgate('replay'), { code: 2, stderr: /Give either --from TIME/ })
  t.match(await headgate('replay', '--from', '1h', '--from-sequence', '7'), {
    code: 2,
    stderr: /Give either --from TIME/,
  })
  t.match(await headgate('replay', '--from-sequence', '7'), { code: 2, stderr: /needs exactly one --shard/ })
  t.match(await headgate('replay', '--from', '2999-01-01'), { code: 2, stderr: /a time in the past/ })
  t.match(await headgate('replay', '--from', '1h', '--as', 'x'), { code: 2, stderr: /--as must be a valid name/ })
  t.match(await headgate('replay', '--from', '1h'), { code: 1, stderr: /There is no lease table/ })

  const counts = new Map<string, number>()
  let wake = Promise.withResolvers<void>()
  const handled = async (times: number) => {
    while (![...counts.values()].every(count => count >= times) || counts.size < 3) {
      await wake.promise
      wake = Promise.withResolvers()
    }
  }
  const start = async (workerId: string) => {
    const consumer = new KinesisConsumer({
      applicationName: names.application,
      streamName: names.stream,
      kinesis,
      dynamodb,
      workerId,
      failoverMs: 2_000,
      handler: ({ partitionKey = '' }) => {
        counts.set(partitionKey, (counts.get(partitionKey) ?? 0) + 1)
        wake.resolve()
      },
    })
    t.teardown(() => consumer.stop())
    await consumer.start()
    return consumer
  }
  const first = await start('worker-1')
  await kinesis.send(
    new PutRecordsCommand({
      StreamName: names.stream,
      Records: ['a', 'b', 'c'].map(PartitionKey => ({ PartitionKey, Data: Buffer.from(PartitionKey) })),
    }),
  )
  await handled(1)
  await whenever([first], () => /^\d/.test(first.snapshot()[0]?.checkpoint ?? ''))

  const refused = await headgate('replay', '--from', '1h')
  t.match(refused, { code: 1, stderr: /Workers hold 1 of the leases \(shardId-0+\)\. Stop the workers first/ })
  const dry = await headgate('replay', '--from', '1h', '--dry-run', '--json')
  t.match(dry.lines(), [
    {
      change: 'move',
      owner: 'worker-1',
      ownerIsAlive: true,
      firstRecord: /^\d+$/,
      estimate: { records: 3, minRecords: 3, maxRecords: 3 },
    },
  ])
  const alive = await headgate('leases', '--alive', '--table', '--json')
  t.match(alive.lines(), [{ owner: 'worker-1', ownerIsAlive: true }])
  t.same([...counts.values()], [1, 1, 1], 'nothing was replayed so far')

  t.match(await headgate('replay', '--from', '1h', '--running'), { code: 0, stdout: /^shardId-0+ {2}moved back\n$/ })
  await handled(2)
  await first.stop()

  const { firstRecord } = dry.lines()[0]
  const bySequence = ['replay', '--from-sequence', firstRecord, '--shard', 'shardId-000000000000']
  t.match(await headgate(...bySequence), { code: 0, stdout: /moved back/ })
  t.match(await headgate(...bySequence), { code: 0, stdout: /unchanged: not read that far yet/ })
  const second = await start('worker-2')
  await handled(3)
  await second.stop()

  t.match(await headgate('replay', '--from', '1h', '--as', 'second-look'), {
    code: 0,
    stdout: /'second-look' starts at/,
  })
  t.match(await headgate('replay', '--from', '1h', '--as', 'second-look'), { code: 1, stderr: /already has leases/ })
})
