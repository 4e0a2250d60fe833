import { readFileSync } from 'node:fs'
import path from 'node:path'
import { GetItemCommand } from '@aws-sdk/client-dynamodb'
import sharp from 'sharp'
import t, { type Test } from 'tap'
import { createLocalClients } from '../../services/local/clients.ts'
import { loadConfig } from '../../services/platform/config/load.ts'
import { workerConfigSchema } from '../../services/platform/config/worker.ts'
import { stream } from '../../services/platform/resources.ts'
import { OUTBOX_PARTITIONS } from '../../services/uploads/records/record.ts'
import { createUploadStore, itemKey } from '../../services/uploads/records/store.ts'
import { ask, buildTestApi, createTestUser } from '../api/support.ts'
import { startFaultProxy } from '../support/fault-proxy.ts'
import { going, startPipeline, streamRecord } from '../worker/pipeline.ts'
import { sizeOf, UNIT } from './item-size.ts'
import { fixed } from './month.ts'
import { renderBesides, renderMonths, renderUpload } from './tables.ts'
import { image, sizes, type Takes, text } from './upload-takes.ts'

const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/reference/cost.md'), 'utf8')

for (const [name, render] of Object.entries({ upload: renderUpload, months: renderMonths, besides: renderBesides })) {
  t.test(`shows the table "${name}" as it is calculated`, async t => {
    const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
    const isThere = page.split(begin)[1]?.split(end)[0]?.trim() === render()
    if (!isThere) t.comment(`Paste into docs/reference/cost.md:\n\n${begin}\n${render()}\n${end}\n`)
    t.ok(isThere, `it is between ${begin} and ${end}`)
  })
}

t.test('uses the values of the code in the calculation', async t => {
  t.equal(fixed.outboxPartitions, OUTBOX_PARTITIONS)
  t.equal(fixed.shards, stream.shards)
  const needed = { AWS_REGION: 'us-east-1', UPLOAD_BUCKET: 'uploads', PROCESSED_BUCKET: 'processed' }
  const { OUTBOX_INTERVAL_MS, FAILOVER_TIME_MS } = loadConfig(workerConfigSchema, needed)
  t.equal(fixed.relaySeconds.container * 1_000, OUTBOX_INTERVAL_MS)
  t.equal(fixed.renewSeconds * 1_000, FAILOVER_TIME_MS / 3 - 25)
})

const pipeline = await startPipeline(t)
const { aws } = pipeline

/** Takes a file through an api and a processor behind proxies, and returns the operations that were counted. */
async function count(t: Test, file: { filename: string; type: string; body: Uint8Array<ArrayBuffer> }) {
  const [s3, dynamodb, kinesis] = await Promise.all([
    startFaultProxy(t, aws.endpoints.s3),
    startFaultProxy(t, aws.endpoints.dynamodb),
    startFaultProxy(t, aws.endpoints.kinesis),
  ])
  let event = 0
  kinesis.inject(async exchange => {
    const body = await exchange.body()
    const { Records } = JSON.parse(body.toString()) as { Records: Array<{ Data: string }> }
    event += Records.reduce((sum, { Data }) => sum + Buffer.from(Data, 'base64').length, 0)
    await exchange.relay(await exchange.forward(body))
  })
  const endpoints = { s3: s3.url, dynamodb: dynamodb.url, kinesis: kinesis.url }
  const clients = createLocalClients(endpoints)
  t.teardown(() => clients.destroy())
  const api = await buildTestApi(t, aws, { endpoints })
  const user = await createTestUser(aws)

  const headers = { ...user.auth, 'content-type': file.type }
  const url = `${api.url}/uploads?filename=${file.filename}`
  const { status, body } = await ask(url, { method: 'POST', headers, body: file.body })
  t.equal(status, 200)
  const { uploadId } = body as { uploadId: string }
  const itemNow = async () => {
    const Key = itemKey({ owner: user.sub, uploadId })
    const { Item = {} } = await aws.dynamodb.send(new GetItemCommand({ TableName: aws.env.UPLOADS_TABLE, Key }))
    return sizeOf(Item)
  }
  const created = await itemNow()
  const store = createUploadStore({ dynamodb: clients.dynamodb, table: aws.env.UPLOADS_TABLE ?? '' })
  const upload = await pipeline.store.get({ owner: user.sub, uploadId })
  if (upload?.status !== 'queued') throw new Error(`The upload is ${upload?.status}.`)
  // The event of the api: for one that only names an object, the worker would read the record first.
  await pipeline.processor({ s3: clients.s3, store }).process(streamRecord(upload), going)
  const record = await itemNow()

  t.strictSame(dynamodb.counts(), { 'DynamoDB_20120810.PutItem': 1, 'DynamoDB_20120810.UpdateItem': 1 })
  const { PUT = 0, GET = 0, ...others } = s3.counts()
  t.strictSame(others, {})
  const takes: Takes = {
    s3Puts: PUT,
    s3Gets: GET,
    dynamodbWrites: Math.ceil(created / UNIT) + Math.ceil(record / UNIT),
    kinesisRecords: kinesis.count(),
  }
  return { takes, event, record }
}

/** Asserts that a size is within a tenth of the one on the page. */
const near = (t: Test, found: number, said: number, what: string) =>
  t.ok(Math.abs(found - said) <= said / 10, `${what}: ${found} bytes, and the page has ${said}`)

t.test('uses for a text the operations that the page shows', async t => {
  const { takes, event, record } = await count(t, {
    filename: 'notes.txt',
    type: 'text/plain',
    body: new Uint8Array(sizes.file).fill(120),
  })
  t.strictSame(takes, text)
  near(t, event, sizes.event, 'its event')
  near(t, record, sizes.record, 'its record')
})

t.test('uses for an image the operations that the page shows', async t => {
  const picture = sharp({ create: { width: 640, height: 480, channels: 3, background: 'red' } })
  const body = new Uint8Array(await picture.jpeg().toBuffer())
  const { takes } = await count(t, { filename: 'IMG_20261125_175630.jpg', type: 'image/jpeg', body })
  t.strictSame(takes, image)
})
