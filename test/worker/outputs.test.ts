import { HeadObjectCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import sharp from 'sharp'
import t from 'tap'
import { names } from '../../services/platform/resources.ts'
import { outputsPrefix, processedKey } from '../../services/uploads/objects/keys.ts'
import type { UploadRecord } from '../../services/uploads/records/record.ts'
import { TransformError } from '../../services/worker/errors.ts'
import { createTransformProcesses } from '../../services/worker/transforms/processes/pool.ts'
import { loadRules } from '../../services/worker/transforms/rules/rules.ts'
import type { Transform } from '../../services/worker/transforms/transform.ts'
import { deadLetterOf, exists, going, startPipeline, streamRecord } from './pipeline.ts'

const pipeline = await startPipeline(t)
const { aws, store, results, read, keys } = pipeline
const processes = createTransformProcesses()
t.teardown(() => processes.close())

async function processorFor(configuration?: object) {
  const rules = await loadRules(configuration && JSON.stringify(configuration), processes.inProcess)
  return pipeline.processor({ rules, processes: processes.size })
}

/** Returns the keys of all objects of an upload in the bucket of processed objects. */
async function lying({ uploadId }: UploadRecord): Promise<string[]> {
  return (await keys()).filter(key => key.includes(uploadId))
}

t.test('a table becomes lines of JSON, with further outputs for its report and its bad rows', async t => {
  const content = 'a,b\n1,2\n3\n4,5\n'
  const upload = await pipeline.upload(content, { filename: 'table.csv', contentType: 'text/csv' })
  const record = streamRecord(upload)
  const processor = await processorFor()
  for (const _time of [1, 2]) {
    await processor.process(record, going)
    const [main, table, bad] = [
      processedKey(upload.key),
      `${outputsPrefix(upload.key)}table.json`,
      `${outputsPrefix(upload.key)}bad-rows.json`,
    ]
    t.match(JSON.parse((await read(table)).text), { rows: 2, badRows: 1, dialect: { delimiter: ',', lineEnd: 'LF' } })
    t.equal((await read(main)).text, '{"a":"1","b":"2"}\n{"a":"4","b":"5"}\n')
    const report = await read(bad)
    t.match(JSON.parse(report.text), { goodRows: 2, badRows: 1, first: [{ line: 3 }] })
    t.match(report.metadata, {
      'source-key': upload.key,
      'source-sha256': upload.sha256,
      'upload-id': upload.uploadId,
      transform: 'csv-to-ndjson',
      'transform-version': '2',
    })
    t.match(await store.get(upload), {
      status: 'processed',
      processed: { bucket: names.processedBucket, key: main },
      outputs: [
        { name: 'main', contentType: 'application/x-ndjson', size: 36, filename: 'table.ndjson' },
        { name: 'table.json', s3: { bucket: names.processedBucket, key: table } },
        {
          name: 'bad-rows.json',
          size: Buffer.byteLength(report.text),
          s3: { bucket: names.processedBucket, key: bad },
        },
      ],
      transform: { name: 'csv-to-ndjson', version: '2' },
    })
    t.strictSame((await lying(upload)).sort(), [main, table, bad].sort())
  }
})

t.test('a rule writes small outputs to DynamoDB, and processing again writes the same item', async t => {
  const processor = await processorFor({
    rules: [{ contentType: 'image/*', transform: 'image', sink: { 'metadata.json': 'dynamodb' } }],
  })
  const picture = await sharp({ create: { width: 64, height: 32, channels: 3, background: 'red' } })
    .png()
    .toBuffer()
  const upload = await pipeline.upload(picture, { filename: 'red.png', contentType: 'image/png' })
  const source = await aws.s3.send(new HeadObjectCommand({ Bucket: upload.bucket, Key: upload.key }))
  const items: unknown[] = []
  for (const _time of [1, 2]) {
    await processor.process(streamRecord(upload), going)
    const item = await results.get(upload, 'metadata.json', upload.uploadId)
    t.match(JSON.parse(Buffer.from(item?.body ?? '').toString()), { format: 'png', width: 64, height: 32 })
    t.match(item, {
      contentType: 'application/json',
      source: {
        bucket: upload.bucket,
        key: upload.key,
        etag: source.ETag?.replaceAll('"', ''),
        sha256: upload.sha256,
      },
      transform: { name: 'image', version: '2' },
    })
    items.push(item)
  }
  t.strictSame(items[1], items[0])
  t.strictSame(await lying(upload), [processedKey(upload.key)], 'the item has no object')
  t.match(await store.get(upload), {
    processed: { key: processedKey(upload.key) },
    outputs: [
      { name: 'main', contentType: 'image/webp' },
      { name: 'metadata.json', isItem: true },
    ],
  })
})

t.test('a rule can write the main output to DynamoDB, and the upload then has no processed object', async t => {
  const processor = await processorFor({ rules: [{ transform: 'upper-case', sink: 'dynamodb', itemBytes: 10 }] })
  const upload = await pipeline.upload('hello')
  await processor.process(streamRecord(upload), going)
  t.match(await results.get(upload, 'main', upload.uploadId), { contentType: 'text/plain;charset=utf-8' })
  const marked = await store.get(upload)
  t.match(marked, { status: 'processed', outputs: [{ name: 'main', size: 5, isItem: true }] })
  t.notOk(marked && 'processed' in marked)
  t.strictSame(await lying(upload), [])

  const long = await pipeline.upload('hello kinesis')
  const record = streamRecord(long)
  await processor.process(record, going)
  t.match(await store.get(long), {
    status: 'failed',
    failure: {
      code: 'HEADGATE_OUTPUT_TOO_LARGE',
      reason: 'The output has more than 10 bytes, the maximum size of an item.',
    },
  })
  t.equal(await results.get(long, 'main', long.uploadId), undefined)
  t.ok(await exists(aws.s3, deadLetterOf(record)))
})

t.test('an upload whose outputs exceed their maximum size is failed, and no output remains', async t => {
  const rule = { contentType: 'text/csv', transform: 'csv-to-ndjson', maxExpansion: 20 }
  const processor = await processorFor({ rules: [rule] })
  // The outputs exceed 10 MB before they are refused, so parts of the object are already written.
  const content = `${'x'.repeat(500)},b\n${'1,2\n'.repeat(150_000)}`
  const upload = await pipeline.upload(content, { filename: 'table.csv', contentType: 'text/csv' })
  await processor.process(streamRecord(upload), going)
  t.match(await store.get(upload), {
    status: 'failed',
    failure: {
      code: 'HEADGATE_TRANSFORM_REFUSED',
      reason: /more than 12010060 bytes.* 600503 bytes.* maxExpansion .* 20\.$/,
    },
  })
  t.strictSame(await lying(upload), [])
  const { Uploads = [] } = await aws.s3.send(new ListMultipartUploadsCommand({ Bucket: names.processedBucket }))
  t.strictSame(
    Uploads.filter(({ Key = '' }) => Key.includes(upload.uploadId)),
    [],
  )
})

t.test('refused content fails its upload with a reason for people', async t => {
  const processor = await processorFor()
  for (const [content, contentType, reason] of [
    ['a,b\n1\n', 'text/csv', /^The only row cannot be read\. Line 2: The row has 1 field, and the table 2 columns\.$/],
    ['not a picture', 'image/png', /^The content is not an image/],
    [Buffer.from([0x61, 0xff]), 'text/plain', /^The content is not valid utf-8: the byte at offset 1 .*charset in the/],
    ['x', 'text/plain; charset=klingon', /^The charset "klingon" of the content type is unknown\. Send/],
  ] as const) {
    const upload = await pipeline.upload(content, { contentType, filename: 'file' })
    await processor.process(streamRecord(upload), going)
    t.match(await store.get(upload), { status: 'failed', failure: { code: 'HEADGATE_TRANSFORM_REFUSED', reason } })
    t.strictSame(await lying(upload), [])
  }
})

t.test('an upload that matches no rule is failed', async t => {
  const processor = await processorFor({ rules: [{ contentType: 'image/*', transform: 'copy' }], defaults: false })
  const upload = await pipeline.upload('hello')
  await processor.process(streamRecord(upload), going)
  t.match(await store.get(upload), { status: 'failed', failure: { code: 'HEADGATE_NO_TRANSFORM' } })
})

/** Creates a transform with a main and a further output, which then runs `act`. */
function twoAndThen(act: () => Promise<unknown>): Transform {
  const output = (name?: string) => ({ ...(name && { name }), contentType: 'text/plain', body: [Buffer.from('x')] })
  return {
    name: 'two',
    version: '1',
    async *apply() {
      yield output()
      yield output('more')
      await act()
    },
  }
}

t.test('outputs before a refused one are removed', async t => {
  const refusing = twoAndThen(() => Promise.reject(new TransformError('The third output fails.')))
  const upload = await pipeline.upload('hello')
  await pipeline.processor({ transforms: [refusing] }).process(streamRecord(upload), going)
  t.match(await store.get(upload), { status: 'failed', failure: { reason: 'The third output fails.' } })
  t.strictSame(await lying(upload), [])
})

t.test('the outputs of a processed upload remain if a later transform refuses it', async t => {
  const upload = await pipeline.upload('hello')
  const record = streamRecord(upload)
  await pipeline.processor({ transforms: [twoAndThen(() => Promise.resolve())] }).process(record, going)
  const before = await lying(upload)
  t.equal(before.length, 2)
  const refusing = twoAndThen(() => Promise.reject(new TransformError('Not any more.')))
  await pipeline.processor({ transforms: [refusing] }).process(record, going)
  t.strictSame(await lying(upload), before)
  t.match(await store.get(upload), { status: 'processed' })
})

t.test('an upload that is deleted during its processing leaves no outputs', async t => {
  const upload = await pipeline.upload('hello')
  const remove = async () => {
    const deleted = await pipeline.deletions.begin(upload)
    if (deleted) await pipeline.deletions.complete(deleted)
  }
  const record = streamRecord(upload)
  await pipeline.processor({ transforms: [twoAndThen(remove)] }).process(record, going)
  t.strictSame(await lying(upload), [])
  t.notOk(await exists(aws.s3, deadLetterOf(record)))
})
