import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { KinesisClient } from '@aws-sdk/client-kinesis'
import t from 'tap'
import { ConsumerOptionError, type ConsumerOptions, KinesisConsumer } from '../../services/consumer/index.ts'

import { resolveLeaseTable } from '../../services/consumer/leases/lease-table-options.ts'

const good: ConsumerOptions = {
  applicationName: 'an-application',
  streamName: 'a-stream',
  kinesis: new KinesisClient({ region: 'us-east-1' }),
  dynamodb: new DynamoDBClient({ region: 'us-east-1' }),
  handler: async () => undefined,
}

const arnOf = (stream: string) => `arn:aws:kinesis:eu-west-1:123456789012:stream/${stream}/consumer/c:1700000000`

const faults: Array<[string, Partial<Record<keyof ConsumerOptions, unknown>>, RegExp]> = [
  ['a name that no table can have', { applicationName: 'a b' }, /'applicationName' is 'a b' but must be the name of/],
  ['no stream', { streamName: undefined }, /'streamName' is undefined but must be .* Or give 'streamArn'/],
  ['a stream twice', { streamArn: 'arn:aws:kinesis:eu-west-1:123456789012:stream/a-stream' }, /both name the stream/],
  ['what is no ARN', { streamName: undefined, streamArn: 'a-stream' }, /'streamArn' is 'a-stream' but must be the ARN/],
  ['no client', { kinesis: undefined }, /'kinesis' is undefined but must be a KinesisClient of the AWS SDK/],
  ['what is no client', { dynamodb: new Map() }, /'dynamodb' is an instance of Map but must be a DynamoDBClient/],
  ['an empty worker id', { workerId: '' }, /'workerId' is '' but must be a string of 1 to 255 characters/],
  ['no position', { initialPosition: null }, /'initialPosition' is null but must be 'TRIM_HORIZON'/],
  ['a number that is too exact', { failoverMs: 10n }, /'failoverMs' is 10n but must be an integer/],
  ['no handler', { handler: 'x' }, /'handler' is 'x' but must be a function/],
  [
    'a failover time under its bound',
    { failoverMs: 10 },
    /'failoverMs' is 10 but must be an integer from 1000 to 300000/,
  ],
  ['a fraction', { concurrency: 1.5 }, /'concurrency' is 1.5 but must be an integer from 1 to 1000/],
  ['a number as text', { maxBufferedBytes: '64' }, /'maxBufferedBytes' is '64' but must be an integer/],
  ['an unknown position', { initialPosition: 'NOW' }, /'initialPosition' is 'NOW' but must be 'TRIM_HORIZON'/],
  ['fan-out without a consumer', { fanOut: {} }, /'fanOut' is {} but must be { consumerArn } of a consumer of 'a-str/],
  ['fan-out with a name that no consumer has', { fanOut: { consumerName: 'a b' } }, /'fanOut' is .* but must be/],
  ['fan-out of two consumers', { fanOut: { consumerName: 'a', consumerArn: arnOf('a-stream') } }, /'fanOut' is/],
  ['fan-out of another stream', { fanOut: { consumerArn: arnOf('another') } }, /of a consumer of 'a-stream'/],
  ['a backoff that shrinks', { retry: { firstMs: 10, maxMs: 5 } }, /'retry' is .* but must be/],
]

for (const [name, fault, message] of faults) {
  t.test(`${name} is rejected with its name, value and what was expected`, async t => {
    const options = { ...good, ...fault } as ConsumerOptions
    t.throws(() => new KinesisConsumer(options), ConsumerOptionError)
    t.throws(() => new KinesisConsumer(options), message)
  })
}

t.test('a mistyped option name is rejected', async t => {
  const mistyped: Array<[object, RegExp]> = [
    [
      { failOverMs: 1_000 },
      /^The option 'failOverMs' is 1000 but must be omitted: there is no option of that name\. Did you mean 'failoverMs'\?$/,
    ],
    [{ retry: { maxAttempt: 3 } }, /'retry.maxAttempt' is 3 .* Did you mean 'retry.maxAttempts'\?$/],
    [{ stream: 'a-stream' }, /Did you mean 'streamArn'\?$/],
    [{ streamname: 'a-stream' }, /Did you mean 'streamName'\?$/],
    [{ maxBufferBytes: 1 }, /Did you mean 'maxBufferedBytes'\?$/],
    [
      { fanOut: { consumerName: 'c', consumerAnr: 'x' } },
      /'fanOut.consumerAnr' .* Did you mean 'fanOut.consumerArn'\?$/,
    ],
    [{ colour: 'red' }, /there is no option of that name\.$/],
    [{ toString: 'x' }, /'toString' is 'x' but must be omitted/],
    [{ ['x'.repeat(1_000)]: 1 }, /there is no option of that name\.$/],
    [{ breaker: { open: true } }, /'breaker.open' is true but must be omitted/],
    [{ handler: undefined, batchHandler: async () => undefined, batch: { size: 3 } }, /'batch.size' is 3/],
  ]
  for (const [options, message] of mistyped) t.throws(() => new KinesisConsumer({ ...good, ...options }), message)
  t.doesNotThrow(() => new KinesisConsumer({ ...good, ...{ failOverMs: undefined } }))
  t.throws(() => new KinesisConsumer(undefined as unknown as ConsumerOptions), /The options are undefined but must be/)
})

t.test('two consumers with the same options have different worker ids', async t => {
  t.not(new KinesisConsumer(good).workerId, new KinesisConsumer(good).workerId)
})

t.test('fanOut accepts a consumer of the stream by its ARN or by a name', async t => {
  for (const fanOut of [{ consumerArn: arnOf('a-stream') }, { consumerName: 'my-consumer' }]) {
    t.doesNotThrow(() => new KinesisConsumer({ ...good, fanOut }))
  }
})

t.test(
  'the options of the lease table are validated, and the name of the table is that of the application by default',
  async t => {
    const stream = { streamName: 'a-stream' }
    t.same(resolveLeaseTable(undefined, 'app', stream), {
      ...{
        name: 'app',
        streamIdentifier: undefined,
        tags: [],
        deletionProtection: false,
        pointInTimeRecovery: false,
        provisioned: undefined,
      },
    })
    const invalid: Array<[leaseTable: object, message: RegExp]> = [
      [{ name: 'x' }, /'leaseTable\.name' is 'x' but must be the name of a DynamoDB table/],
      [{ nam: 'x' }, /leaseTable\.nam/],
      [{ tags: { 'aws:x': 'y' } }, /'leaseTable\.tags' is 'aws:x'/],
      [{ tags: { team: 7 } }, /'leaseTable\.tags\.team' is 7 but must be a string of up to 256/],
      [{ tags: 'team' }, /'leaseTable\.tags' is 'team'/],
      [
        { tags: Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`t${n}`, ''])) },
        /is 51 but must be at most 50/,
      ],
      [{ deletionProtection: 'yes' }, /'leaseTable\.deletionProtection' is 'yes' but must be true or false/],
      [{ pointInTimeRecovery: 1 }, /'leaseTable\.pointInTimeRecovery' is 1/],
      [{ provisioned: { readUnits: 5 } }, /'leaseTable\.provisioned\.writeUnits' is undefined/],
      [
        { provisioned: { readUnits: 0, writeUnits: 5 } },
        /'leaseTable\.provisioned\.readUnits' is 0 but must be an integer/,
      ],
      [{ provisioned: 5 }, /'leaseTable\.provisioned' is 5 but must be an object/],
    ]
    for (const [leaseTable, message] of invalid)
      t.throws(() => resolveLeaseTable(leaseTable, 'app', stream), { code: 'CONSUMER_OPTION', message })
  },
)
