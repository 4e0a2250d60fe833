import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { KinesisClient } from '@aws-sdk/client-kinesis'
import t from 'tap'
import {
  type AdminOptions,
  ConsumerAdmin,
  ConsumerOptionError,
  type PauseRequest,
} from '../../../services/consumer/index.ts'

const UNUSED = { region: 'nowhere' }
const dynamodb = new DynamoDBClient(UNUSED)
const options: AdminOptions = {
  ...{ applicationName: 'application', streamName: 'stream', kinesis: new KinesisClient(UNUSED), dynamodb },
}

/** Options as a program in JavaScript may pass them. */
const unchecked = <T>(value: object): T => value as T

t.test('an admin rejects unknown options with a suggestion, like a consumer', async t => {
  t.throws(() => new ConsumerAdmin(unchecked({ ...options, appName: 'a' })), ConsumerOptionError)
  t.throws(() => new ConsumerAdmin(unchecked({ ...options, leasetable: { name: 'leases' } })), {
    message: `The option 'leasetable' is {"name":"leases"} but must be omitted: there is no option of that name. Did you mean 'leaseTable'?`,
  })
  t.throws(() => new ConsumerAdmin(unchecked({ ...options, leaseTable: { streamId: 'a' } })), {
    message: /'leaseTable\.streamId' .* Did you mean 'leaseTable\.streamIdentifier'\?/,
  })
  await t.rejects(ConsumerAdmin.streamIdentifiers(unchecked({ applicationName: 'application', dynamoDb: dynamodb })), {
    message: /Did you mean 'dynamodb'\?/,
  })
})

t.test('an admin rejects missing clients when it is created', async t => {
  t.throws(() => new ConsumerAdmin(unchecked({ ...options, kinesis: undefined })), {
    message: "The option 'kinesis' is undefined but must be a KinesisClient of the AWS SDK.",
  })
  await t.rejects(ConsumerAdmin.streamIdentifiers(unchecked({ applicationName: 'application' })), {
    message: "The option 'dynamodb' is undefined but must be a DynamoDBClient of the AWS SDK.",
  })
  t.throws(() => new ConsumerAdmin(unchecked({ ...options, streamName: undefined })), ConsumerOptionError)
})

t.test('a mistyped name does not pause the whole application, or replay every shard', async t => {
  const admin = new ConsumerAdmin(options)
  const request = unchecked<PauseRequest>({ by: 'ann', reason: 'a test', workerID: 'first' })
  const message = /'workerID' is 'first' but must be omitted: .* Did you mean 'workerId'\?/
  await t.rejects(admin.pause(request), { code: 'CONSUMER_OPTION', message })
  await t.rejects(admin.resume(request), { code: 'CONSUMER_OPTION', message })
  await t.rejects(admin.planReplay(unchecked({ at: new Date(), shardIDs: ['shardId-0'] })), {
    code: 'CONSUMER_OPTION',
    message: /Did you mean 'shardIds'\?/,
  })
})
