import { KinesisClient, PutRecordCommand, PutRecordsCommand } from '@aws-sdk/client-kinesis'
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import t from 'tap'
import { startSink } from '../../bench/sink/index.ts'
import { account } from '../../services/local/account.ts'
import { createLocalClients } from '../../services/local/clients.ts'

t.test('the sink responds to the SDK, counts the requests, and reports unsupported ones', async t => {
  const sink = await startSink()
  t.teardown(() => sink.stop())
  const { http, http2 } = sink.addresses
  const clients = createLocalClients({ s3: http, dynamodb: http, kinesis: http })
  t.teardown(() => clients.destroy())
  const defaultKinesis = new KinesisClient({ ...account, endpoint: http2 })
  t.teardown(() => defaultKinesis.destroy())

  const Records = ['a', 'b', 'c'].map(key => ({ PartitionKey: key, Data: Buffer.from(key) }))
  const reached = await sink.during(async () => {
    await clients.s3.send(new PutObjectCommand({ Bucket: 'bucket', Key: 'key', Body: 'hello' }))
    const together = await clients.kinesis.send(new PutRecordsCommand({ StreamName: 'stream', Records }))
    t.equal(new Set(together.Records?.map(record => record.SequenceNumber)).size, 3, 'a result for each record')
    const record = { PartitionKey: 'd', Data: Buffer.from('d') }
    const one = await defaultKinesis.send(new PutRecordCommand({ StreamName: 'stream', ...record }))
    t.match(one.ShardId, /^shardId-/, 'the Kinesis client as it comes is answered over HTTP/2')
  })
  t.match(reached, { objects: 1, objectBytes: 5, records: 4, items: 0, updates: 0, unknown: 0 })

  const deleting = sink.during(async () => {
    await t.rejects(clients.s3.send(new DeleteObjectCommand({ Bucket: 'bucket', Key: 'key' })))
  })
  await t.rejects(deleting, {
    name: 'BenchError',
    message: /does not support \d requests, such as DELETE \/bucket\/key/,
  })
})

t.test('the sink assembles objects from parts, lists their sizes, and returns small objects', async t => {
  const sink = await startSink()
  t.teardown(() => sink.stop())
  const { http } = sink.addresses
  const { s3, destroy } = createLocalClients({ s3: http, dynamodb: http, kinesis: http })
  t.teardown(destroy)
  const object = { Bucket: 'bucket', Key: 'large' }

  const reached = await sink.during(async () => {
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ ...object, Metadata: { owner: 'me' } }))
    for (const [PartNumber, size] of [
      [1, 100_000],
      [2, 20],
    ] as const) {
      await s3.send(new UploadPartCommand({ ...object, UploadId, PartNumber, Body: Buffer.alloc(size) }))
    }
    const { Parts } = await s3.send(new ListPartsCommand({ ...object, UploadId }))
    t.match(Parts, [
      { PartNumber: 1, Size: 100_000 },
      { PartNumber: 2, Size: 20 },
    ])
    const complete = (numbers: number[]) =>
      new CompleteMultipartUploadCommand({
        ...object,
        UploadId,
        MultipartUpload: { Parts: numbers.map(PartNumber => ({ PartNumber, ETag: 'x' })) },
      })
    await t.rejects(s3.send(complete([1, 2, 3])), { name: 'InvalidPart' })
    await s3.send(complete([1, 2]))
    t.match(await s3.send(new HeadObjectCommand(object)), { ContentLength: 100_020, Metadata: { owner: 'me' } })

    await s3.send(new PutObjectCommand({ Bucket: 'bucket', Key: 'note', Body: 'small' }))
    const note = await s3.send(new GetObjectCommand({ Bucket: 'bucket', Key: 'note' }))
    t.equal(await note.Body?.transformToString(), 'small')
    await t.rejects(s3.send(new GetObjectCommand({ Bucket: 'bucket', Key: 'none' })), { name: 'NoSuchKey' })
  })
  t.match(reached, { objects: 1, objectBytes: 5, assembled: 1, assembledBytes: 100_020, unknown: 0 })
})
