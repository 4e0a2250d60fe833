import { KinesisClient, PutRecordCommand, PutRecordsCommand } from '@aws-sdk/client-kinesis'
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import { startSink } from '../../bench/sink/index.ts'
import { account } from '../../services/local/account.ts'
import { createLocalClients } from '../../services/local/clients.ts'

t.test('the sink answers the SDK, counts what reached it, and says what it cannot answer', async t => {
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
  await t.rejects(deleting, { name: 'BenchError', message: /no answer for \d requests, as DELETE \/bucket\/key/ })
})
