import { CreateTableCommand, DeleteItemCommand, type DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb'
import { PutRecordsCommand, type PutRecordsRequestEntry } from '@aws-sdk/client-kinesis'
import type { Test } from 'tap'
import { type ConsumerOptions, type ConsumerRecord, KinesisConsumer } from '../../services/consumer/index.ts'
import { createLocalClients } from '../../services/local/clients.ts'
import { createStream } from '../../services/local/resources/kinesis.ts'
import { startDynamoDb } from '../../services/local/servers/dynamodb.ts'
import { startKinesis } from '../../services/local/servers/kinesis.ts'
import type { EmbeddedServer } from '../../services/local/servers/server.ts'
import type { AwsClients } from '../../services/platform/aws.ts'
import { deleteStream } from '../support/delete-stream.ts'
import { leaseAws } from '../support/shared-servers/lease.ts'

export const APPLICATION = 'test-application'
export const STREAM = 'test-stream'

export interface StreamFixture extends Pick<AwsClients, 'kinesis' | 'dynamodb'> {
  readonly urls: { kinesis: string; dynamodb: string }
  /** Puts records by PutRecords, in order within each key. */
  put(records: ReadonlyArray<{ key: string; data: string }>): Promise<void>
  /** Creates a table with a key of that name. */
  createTable(table: string, key: string): Promise<void>
  /** Deletes a row of the lease table. */
  deleteRow(leaseKey: string): Promise<void>
  /** Creates a consumer of the stream that is stopped at the end of the test. */
  consumer<T = undefined>(options: Partial<ConsumerOptions<T>>): KinesisConsumer<T>
}

/** Starts an empty Kinesis stream and DynamoDB for the duration of the test. A process has one of them at a time. */
export async function startStream(t: Pick<Test, 'teardown'>, { shards }: { shards: number }): Promise<StreamFixture> {
  const [kinesisServer, dynamodbServer] = await Promise.all([kinesisOfThisFile(), startDynamoDb(AT)])
  t.teardown(() => dynamodbServer.stop())
  const url = (port: number) => `http://127.0.0.1:${port}`
  const urls = { kinesis: url(kinesisServer.port), dynamodb: url(dynamodbServer.port) }
  const clients = createLocalClients({ s3: 'http://127.0.0.1:9', ...urls })
  t.teardown(() => clients.destroy())
  const { kinesis, dynamodb } = clients
  // The previous test left it.
  await deleteStream(kinesis, STREAM)
  await createStream(kinesis, { name: STREAM, shards, retentionHours: 24 })

  return {
    kinesis,
    dynamodb,
    urls,
    async put(records) {
      for (let start = 0; start < records.length; start += 500) {
        const Records = records.slice(start, start + 500).map(toEntry)
        const { FailedRecordCount } = await kinesis.send(new PutRecordsCommand({ StreamName: STREAM, Records }))
        if (FailedRecordCount) throw new Error(`${FailedRecordCount} records were refused`)
      }
    },
    async createTable(table, key) {
      await dynamodb.send(
        new CreateTableCommand({
          TableName: table,
          BillingMode: 'PAY_PER_REQUEST',
          KeySchema: [{ AttributeName: key, KeyType: 'HASH' }],
          AttributeDefinitions: [{ AttributeName: key, AttributeType: 'S' }],
        }),
      )
    },
    async deleteRow(leaseKey) {
      await dynamodb.send(new DeleteItemCommand({ TableName: APPLICATION, Key: { leaseKey: { S: leaseKey } } }))
    },
    consumer<T>(options: Partial<ConsumerOptions<T>>) {
      const consumer = new KinesisConsumer<T>({
        applicationName: APPLICATION,
        ...(options.streamArn === undefined && { streamName: STREAM }),
        kinesis,
        dynamodb,
        failoverMs: 10_000, // A machine may be suspended for seconds.
        scanIntervalMs: 200,
        idleIntervalMs: 200,
        drainTimeoutMs: 2_000,
        logger: false,
        ...options,
      })
      t.teardown(() => consumer.stop())
      return consumer
    },
  }
}

const AT = { host: '127.0.0.1', port: 0 }

let kinesisServer: Promise<EmbeddedServer> | undefined

/** Started or leased once for all tests of a file, because the start takes longer than most tests. */
function kinesisOfThisFile(): Promise<EmbeddedServer> {
  kinesisServer ??= (async () => {
    // Not at the top level, because the programs of the fleet, which are not tests, import this file too.
    const { default: file } = await import('tap')
    const server = (await leaseKinesis()) ?? (await startKinesis({ ...AT, onFailure: fail }))
    file.teardown(() => {
      // The next file may run in this process too.
      kinesisServer = undefined
      return server.stop()
    })
    return server
  })()
  return kinesisServer
}

async function leaseKinesis(): Promise<EmbeddedServer | undefined> {
  const leased = await leaseAws({})
  return leased && { port: Number(new URL(leased.endpoints.kinesis).port), stop: leased.stop }
}

function fail(error: Error): never {
  throw error
}

const toEntry = ({ key, data }: { key: string; data: string }): PutRecordsRequestEntry => ({
  PartitionKey: key,
  Data: Buffer.from(data),
})

export const textOf = (record: ConsumerRecord) => Buffer.from(record.data).toString()

/** A handler that collects its records, with a way to wait for them. */
export function collector() {
  const records: ConsumerRecord[] = []
  const waiting = new Set<() => void>()
  return {
    records,
    texts: () => records.map(textOf),
    handler: async (record: ConsumerRecord) => {
      records.push(record)
      for (const wake of waiting) wake()
    },
    /** Resolves once the condition holds for the collected records. */
    async until(condition: () => boolean): Promise<void> {
      while (!condition()) {
        const { promise, resolve } = Promise.withResolvers<void>()
        waiting.add(resolve)
        await promise
        waiting.delete(resolve)
      }
    },
  }
}

const EVENTS = [
  ...(['leaseAcquired', 'leaseRenewed', 'checkpointed', 'leaseLost', 'shardEnded', 'recordsFetched', 'fault'] as const),
  ...(['recordFailed', 'recordDeadLettered', 'deadLetterFailed', 'batchHandled', 'batchFailed'] as const),
  ...(['breakerOpened', 'breakerClosed'] as const),
]

/** Resolves once the condition holds. It is checked at every event of the consumers. */
export function whenever(consumers: readonly KinesisConsumer[], condition: () => boolean): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const check = () => {
    if (!condition()) return
    for (const { events } of consumers) for (const name of EVENTS) events.off(name, check)
    resolve()
  }
  for (const { events } of consumers) for (const name of EVENTS) events.on(name, check)
  check()
  return promise
}

/** The ids of the shards that a worker holds. */
export const shardsOf = (consumer: KinesisConsumer) => consumer.snapshot().map(shard => shard.shardId)

/** Reads a row of the lease table. */
export async function readRow(dynamodb: DynamoDBClient, leaseKey: string) {
  const { Item } = await dynamodb.send(
    new GetItemCommand({ TableName: APPLICATION, Key: { leaseKey: { S: leaseKey } }, ConsistentRead: true }),
  )
  return Item
}
