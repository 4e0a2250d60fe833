import { CreateTableCommand, PutItemCommand, waitUntilTableExists } from '@aws-sdk/client-dynamodb'
import { DescribeStreamSummaryCommand } from '@aws-sdk/client-kinesis'
import t from 'tap'
import { names } from '../../services/platform/resources.ts'
import { startAws } from '../support/aws.ts'
import { headgateHere } from './program.ts'

const SHARD = 'shardId-000000000000'
const row = (streamIdentifier: string) => ({
  leaseKey: { S: `${streamIdentifier}:${SHARD}` },
  streamName: { S: streamIdentifier },
  shardId: { S: SHARD },
  leaseCounter: { N: '1' },
  checkpoint: { S: 'TRIM_HORIZON' },
})

t.test('headgate leases shows the leases of one stream of a table that several streams share', async t => {
  const aws = await startAws(t, { shards: 1 })
  const { kinesis, dynamodb } = aws
  const headgate = headgateHere(t, aws.env)
  await dynamodb.send(
    new CreateTableCommand({
      TableName: names.application,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [{ AttributeName: 'leaseKey', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'leaseKey', AttributeType: 'S' }],
    }),
  )
  await waitUntilTableExists({ client: dynamodb, maxWaitTime: 30, minDelay: 1 }, { TableName: names.application })
  const put = (identifier: string) =>
    dynamodb.send(new PutItemCommand({ TableName: names.application, Item: row(identifier) }))
  const own = `000000000000:${names.stream}:1700000000`
  await put('000000000000:another:1700000000')
  const none = await headgate('leases')
  t.equal(none.code, 1)
  t.match(none.stderr, /has no leases of the stream '.*'\. It has those of 000000000000:another:1700000000\./)

  await put(own)
  const { StreamDescriptionSummary: summary } = await kinesis.send(
    new DescribeStreamSummaryCommand({ StreamName: names.stream }),
  )
  for (const args of [[], ['--stream', summary?.StreamARN ?? ''], ['--stream-identifier', own]]) {
    const shown = await headgate('leases', '--json', ...args)
    t.equal(shown.code, 0, shown.stderr)
    t.match(
      shown.stdout
        .trim()
        .split('\n')
        .map(line => JSON.parse(line)),
      [{ shardId: SHARD, checkpoint: 'TRIM_HORIZON' }],
    )
  }

  await put(`000000000000:${names.stream}:1800000000`)
  const ambiguous = await headgate('leases')
  t.equal(ambiguous.code, 2)
  t.match(ambiguous.stderr, /leases of 2 streams named .* Choose one with --stream-identifier: /)
  t.match(await headgate('leases', '--stream', 'arn:aws:kinesis:eu-west-1:000000000000:stream/x'), {
    code: 2,
    stderr: /is in eu-west-1, but AWS_REGION is us-east-1\. Set AWS_REGION=eu-west-1\./,
  })
})

t.test('headgate put and headgate tail take the ARN of a stream', async t => {
  const aws = await startAws(t, { shards: 1 })
  const headgate = headgateHere(t, { ...aws.env, STREAM_NAME: 'no-such-stream' })
  const { StreamDescriptionSummary: summary } = await aws.kinesis.send(
    new DescribeStreamSummaryCommand({ StreamName: names.stream }),
  )
  const arn = summary?.StreamARN ?? ''
  const file = `${t.testdir({ 'lines.txt': 'hello\n' })}/lines.txt`
  t.match(await headgate('put', arn, file), { code: 0, stdout: /^Put 1 record on / })
  t.match(await headgate('tail', arn, '--no-follow'), { code: 0, stdout: /hello/ })
})
