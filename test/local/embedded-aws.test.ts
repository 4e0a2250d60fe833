import { networkInterfaces } from 'node:os'
import path from 'node:path'
import { DescribeTableCommand } from '@aws-sdk/client-dynamodb'
import {
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  ListShardsCommand,
  PutRecordCommand,
} from '@aws-sdk/client-kinesis'
import { GetObjectCommand, ListBucketsCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import { createLocalClients } from '../../services/local/clients.ts'
import { signIn } from '../../services/local/cognito-wire.ts'
import { type EmbeddedAws, startEmbeddedAws } from '../../services/local/embedded-aws.ts'
import type { ServiceName } from '../../services/local/servers/server.ts'
import { names, stream } from '../../services/platform/resources.ts'
import { createUploadStore } from '../../services/uploads/records/store.ts'
import { createDataFolder, startOwnAws } from '../support/aws.ts'
import { isAlive, until } from '../support/processes.ts'

const record = {
  owner: 'o',
  uploadId: 'u',
  status: 'stored',
  bucket: names.uploadBucket,
  key: 'k',
  filename: 'f',
  contentType: 'text/plain',
  size: 1,
  sha256: 'a'.repeat(64),
  uploadedAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-01T00:00:00.000Z',
  requestId: 'r',
} as const

t.test('creates every resource as it is defined', async t => {
  const aws = await startOwnAws(t)

  const { Buckets = [] } = await aws.s3.send(new ListBucketsCommand())
  t.strictSame(Buckets.map(bucket => bucket.Name).sort(), [names.processedBucket, names.uploadBucket].sort())

  const summary = await aws.kinesis.send(new DescribeStreamSummaryCommand({ StreamName: names.stream }))
  t.match(summary.StreamDescriptionSummary, {
    StreamStatus: 'ACTIVE',
    OpenShardCount: stream.shards,
    RetentionPeriodHours: stream.retentionHours,
  })

  const { Table } = await aws.dynamodb.send(new DescribeTableCommand({ TableName: names.uploadsTable }))
  t.match(Table, {
    TableStatus: 'ACTIVE',
    KeySchema: [
      { AttributeName: 'owner', KeyType: 'HASH' },
      { AttributeName: 'uploadId', KeyType: 'RANGE' },
    ],
  })
  const indexes = Table?.GlobalSecondaryIndexes?.map(({ IndexName, Projection }) => [
    IndexName,
    Projection?.ProjectionType,
  ])
  t.strictSame(indexes?.sort(), [
    ['notifications', 'KEYS_ONLY'],
    ['outbox', 'ALL'],
  ])
  const store = createUploadStore({ dynamodb: aws.dynamodb, table: names.uploadsTable })
  await store.create(record)
  t.same(await store.get(record), record, 'and the store of uploads works on it')
})

t.test('the demo user and users created later can sign in, and a wrong password is rejected', async t => {
  const aws = await startOwnAws(t)
  const claims = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
  const { idToken, accessToken } = await aws.signIn()
  t.match(claims(idToken), { iss: aws.env.COGNITO_ISSUER, aud: aws.env.COGNITO_CLIENT_ID, email: aws.user.username })
  t.match(claims(accessToken), { iss: aws.env.COGNITO_ISSUER, client_id: aws.env.COGNITO_CLIENT_ID })

  const { username, password } = await aws.createUser('other@example.com')
  const other = await aws.signIn(username, password)
  t.not(claims(other.idToken).sub, claims(idToken).sub)
  await t.rejects(aws.signIn(username, 'Wrong-password-1'), { message: /^InitiateAuth: NotAuthorizedException: / })
})

t.test('creates the stream with the number of shards of the settings', async t => {
  const aws = await startOwnAws(t, { shards: 2 })
  const { Shards = [] } = await aws.kinesis.send(new ListShardsCommand({ StreamName: names.stream }))
  t.equal(Shards.length, 2)
})

t.test('servers without authentication are reachable only from this machine', async t => {
  const aws = await startOwnAws(t)
  const outside = Object.values(networkInterfaces())
    .flat()
    .find(address => address?.family === 'IPv4' && !address.internal)
  if (!outside) return t.comment('this machine has only a loopback address')
  for (const url of Object.values(aws.endpoints)) {
    const elsewhere = url.replace('127.0.0.1', outside.address)
    await t.rejects(fetch(elsewhere), { cause: { code: 'ECONNREFUSED' } }, elsewhere)
    t.ok((await fetch(url)).status, `${url} answers`)
  }
})

t.test('a port in use is an error that names the port and the service, and nothing keeps running', async t => {
  const aws = await startOwnAws(t)
  const taken = Number(new URL(aws.endpoints.cognito).port)
  const services: Record<ServiceName, string> = {
    s3: 'S3',
    dynamodb: 'DynamoDB',
    kinesis: 'Kinesis',
    cognito: 'Cognito',
  }
  for (const [service, title] of Object.entries(services)) {
    const before = children()
    await t.rejects(startEmbeddedAws({ ports: { [service]: taken } }), {
      name: 'PortTakenError',
      message: new RegExp(`^Port ${taken}, for ${title}, is in use`),
      port: taken,
    })
    await until(() => children() === before, { what: `the end of the child, where the port for ${title} is taken` })
  }
})

t.test('uses the ports of the settings', async t => {
  const first = await startEmbeddedAws()
  await first.stop()
  const port = (name: ServiceName) => Number(new URL(first.endpoints[name]).port)
  const ports = { s3: port('s3'), dynamodb: port('dynamodb'), kinesis: port('kinesis'), cognito: port('cognito') }
  const second = await startOwnAws(t, { ports })
  t.same(second.endpoints, first.endpoints)
})

t.test('with a data directory, all data survives a restart', async t => {
  const dataDir = createDataFolder(t)
  // Longer than a file name may be, but not too long for S3.
  const key = `uploads/${'n'.repeat(900)}`
  const first = await startEmbeddedAws({ dataDir })
  const tokensBefore = await use(first, async clients => {
    await clients.s3.send(new PutObjectCommand({ Bucket: names.uploadBucket, Key: key, Body: 'kept' }))
    await createUploadStore({ dynamodb: clients.dynamodb, table: names.uploadsTable }).create(record)
    await clients.kinesis.send(
      new PutRecordCommand({ StreamName: names.stream, PartitionKey: 'p', Data: Buffer.from('kept') }),
    )
  })
  await first.stop()

  const aws = await startOwnAws(t, { dataDir })
  const { Body } = await aws.s3.send(new GetObjectCommand({ Bucket: names.uploadBucket, Key: key }))
  t.equal(await Body?.transformToString(), 'kept')
  const store = createUploadStore({ dynamodb: aws.dynamodb, table: names.uploadsTable })
  t.match(await store.get(record), record)
  t.strictSame(await everyRecord(aws.kinesis), ['kept'])
  const sub = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).sub
  t.equal(sub((await aws.signIn()).idToken), sub(tokensBefore.idToken), 'and the demo user is the same one')
})

t.test('only one embedded AWS at a time can use a data directory', async t => {
  const dataDir = createDataFolder(t)
  await startOwnAws(t, { dataDir })
  await t.rejects(startEmbeddedAws({ dataDir }), {
    code: 'HEADGATE_EMBEDDED_AWS',
    message: `The data directory ${path.resolve(dataDir)} cannot be used: another embedded AWS uses it.`,
  })
})

t.test('reports a data directory that cannot be created', async t => {
  const dir = t.testdir({ file: '' })
  await t.rejects(startEmbeddedAws({ dataDir: `${dir}/file` }), { message: /file cannot be used: EEXIST|ENOTDIR/ })
})

t.test('reports a server that ends by itself, and can still stop the others', async t => {
  for (const [server, title] of [
    ['s3', 'S3'],
    ['kinesis', 'Kinesis'],
  ] as const) {
    const died = Promise.withResolvers<Error>()
    const aws = await startOwnAws(t, { onFailure: died.resolve })
    process.kill(aws.pids[server] ?? 0, 'SIGKILL')
    t.match(await died.promise, {
      code: 'HEADGATE_EMBEDDED_AWS',
      message: `The embedded ${title} ended by itself (SIGKILL)`,
    })
    await aws.stop()
  }
})

t.test('a busy S3 does not slow DynamoDB or Cognito down', async t => {
  const aws = await startOwnAws(t)
  process.kill(aws.pids.s3 ?? 0, 'SIGSTOP')
  t.teardown(() => process.kill(aws.pids.s3 ?? 0, 'SIGCONT'))
  const { Table } = await aws.dynamodb.send(new DescribeTableCommand({ TableName: names.uploadsTable }))
  t.equal(Table?.TableStatus, 'ACTIVE')
  t.ok((await aws.signIn()).idToken)
  process.kill(aws.pids.s3 ?? 0, 'SIGCONT')
  t.ok((await aws.s3.send(new ListBucketsCommand())).Buckets)
})

t.test('a stop leaves nothing running, and a second stop returns the first promise', async t => {
  const aws = await startEmbeddedAws()
  await Promise.all([aws.stop(), aws.stop()])
  await aws.stop()
  await until(() => !Object.values(aws.pids).some(isAlive))
  for (const url of Object.values(aws.endpoints)) {
    await t.rejects(fetch(url), { cause: { code: 'ECONNREFUSED' } })
  }
})

function children(): number {
  return process.getActiveResourcesInfo().filter(type => type === 'ProcessWrap').length
}

type Clients = ReturnType<typeof createLocalClients>

async function use(aws: EmbeddedAws, act: (clients: Clients) => Promise<void>) {
  const clients = createLocalClients(aws.endpoints)
  await act(clients)
  clients.destroy()
  return signIn(aws.endpoints.cognito, { clientId: aws.env.COGNITO_CLIENT_ID ?? '', ...aws.user })
}

async function everyRecord(kinesis: Clients['kinesis']): Promise<string[]> {
  const { Shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName: names.stream }))
  const found = await Promise.all(
    Shards.map(async ({ ShardId }) => {
      const position = { StreamName: names.stream, ShardId, ShardIteratorType: 'TRIM_HORIZON' } as const
      const { ShardIterator } = await kinesis.send(new GetShardIteratorCommand(position))
      const { Records = [] } = await kinesis.send(new GetRecordsCommand({ ShardIterator }))
      return Records.map(({ Data = new Uint8Array() }) => Buffer.from(Data).toString())
    }),
  )
  return found.flat()
}
