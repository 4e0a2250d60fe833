import t from 'tap'
import { outputsPrefix, processedKey } from '../../services/uploads/objects/keys.ts'
import type { Transform, TransformUpload } from '../../services/worker/transforms/transform.ts'
import { going, startPipeline, streamRecord } from './pipeline.ts'

const pipeline = await startPipeline(t)
const METADATA = { project: 'apollo', note: 'é 100%' }

/** Writes what it was told about the upload. */
const describe: Transform = {
  name: 'describe',
  version: '1',
  async *apply(_input, { upload }) {
    yield { contentType: 'application/json', body: [Buffer.from(JSON.stringify(upload))] }
    yield { name: 'more', contentType: 'text/plain', body: [Buffer.from('more')] }
  },
}

t.test('a transform gets the metadata of the client, and every output has it', async t => {
  const processor = pipeline.processor({ transforms: [describe] })
  const upload = await pipeline.upload('hello', { metadata: METADATA })
  // A bare event names only the object, which has the metadata too.
  for (const event of [upload, { bucket: upload.bucket, key: upload.key }]) {
    await processor.process(streamRecord(event), going)
    const main = await pipeline.read(processedKey(upload.key))
    t.strictSame((JSON.parse(main.text) as TransformUpload).metadata, METADATA)
    const more = await pipeline.read(`${outputsPrefix(upload.key)}more`)
    for (const { metadata } of [main, more]) {
      t.match(metadata, { 'client-project': 'apollo', 'client-note': '%C3%A9%20100%25', 'upload-id': upload.uploadId })
    }
  }
})

t.test('an upload without metadata has none in the transform and in its outputs', async t => {
  const processor = pipeline.processor({ transforms: [describe] })
  const upload = await pipeline.upload('hello')
  await processor.process(streamRecord(upload), going)
  const main = await pipeline.read(processedKey(upload.key))
  t.notOk('metadata' in JSON.parse(main.text))
  t.strictSame(
    Object.keys(main.metadata).filter(name => name.startsWith('client-')),
    [],
  )
})

t.test('outputs of an upload with a long key and as much metadata as is allowed are written', async t => {
  const processor = pipeline.processor({ transforms: [describe] })
  const filename = `${'n'.repeat(780)}.txt`
  const metadata = { a: 'x'.repeat(1_023) }
  const upload = await pipeline.upload('hello', { filename, metadata })
  await processor.process(streamRecord(upload), going)
  const { metadata: written } = await pipeline.read(processedKey(upload.key))
  t.equal(written['client-a'], metadata.a)
  t.notOk('source-key' in written, 'the longest value, which the key of the output shows, is left out')
  const size = Object.entries(written).reduce((sum, [name, value]) => sum + name.length + value.length, 0)
  t.ok(size <= 2_048, `S3 allows 2,048 bytes: ${size}`)
})
