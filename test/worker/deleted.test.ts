import { DeleteObjectCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import { createLocalClients } from '../../services/local/clients.ts'
import { names } from '../../services/platform/resources.ts'
import type { UploadRecord } from '../../services/uploads/records/record.ts'
import { createDeadLetters } from '../../services/worker/dead-letters/writer.ts'
import { TransformError } from '../../services/worker/errors.ts'
import type { Transform } from '../../services/worker/transforms/transform.ts'
import { startFaultProxy, to } from '../support/fault-proxy.ts'
import { deadLetterOf, exists, going, startPipeline, streamRecord } from './pipeline.ts'

const pipeline = await startPipeline(t)
const { aws, store, deletions, lines } = pipeline
const processor = pipeline.processor()

t.beforeEach(() => {
  lines.length = 0
})

async function remove(upload: UploadRecord): Promise<void> {
  const deleted = await deletions.begin(upload)
  if (deleted) await deletions.complete(deleted)
}

const outputOf = ({ key }: UploadRecord) => key.replace('uploads/', 'processed/')

t.test('the event of a deleted upload creates no object, no dead letter and no record', async t => {
  const upload = await pipeline.upload('hello')
  await remove(upload)
  const record = streamRecord(upload)
  for (const _time of [1, 2]) await processor.process(record, going)
  t.equal(await store.get(upload), undefined)
  t.notOk(await exists(aws.s3, outputOf(upload)))
  t.notOk(await exists(aws.s3, deadLetterOf(record)))
  t.match(lines, [{ level: 'info', msg: /the owner deleted the upload/ }, { level: 'info' }])
})

/** Creates a transform that copies its input, and runs `act` before it ends. */
function meanwhile(act: () => Promise<void>): Transform {
  return {
    name: 'meanwhile',
    version: '1',
    accepts: () => true,
    apply: body => ({
      contentType: 'text/plain',
      body: (async function* () {
        yield* body
        await act()
      })(),
    }),
  }
}

t.test('an upload that is deleted during its processing leaves no processed object', async t => {
  const upload = await pipeline.upload('hello')
  const transforms = [meanwhile(() => remove(upload))]
  const record = streamRecord(upload)
  await pipeline.processor({ transforms }).process(record, going)
  t.notOk(await exists(aws.s3, outputOf(upload)))
  t.notOk(await exists(aws.s3, deadLetterOf(record)))
  t.equal(await store.get(upload), undefined)
})

t.test(
  'if a worker dies after it wrote the object of a deleted upload, the next attempt removes the object',
  async t => {
    const upload = await pipeline.upload('hello')
    const dying = pipeline.processor({
      transforms: [meanwhile(() => remove(upload))],
      deletions: { has: () => Promise.reject(new Error('killed')) },
    })
    const record = streamRecord(upload)
    await t.rejects(dying.process(record, going), { message: 'killed' })
    t.ok(await exists(aws.s3, outputOf(upload)), 'the object exists')
    await processor.process(record, going)
    t.notOk(await exists(aws.s3, outputOf(upload)))
    t.notOk(await exists(aws.s3, deadLetterOf(record)))
  },
)

t.test('a late write of a worker that lost its lease is removed if the upload was deleted', async t => {
  const upload = await pipeline.upload('hello')
  const record = streamRecord(upload)
  const lost = new AbortController()
  const proxy = await startFaultProxy(t, aws.endpoints.s3)
  const { s3, destroy } = createLocalClients({ ...aws.endpoints, s3: proxy.url })
  t.teardown(destroy)
  // Like a process that was paused: its request arrives, and then it learns that another worker has the lease.
  proxy.inject(
    async exchange => {
      await processor.process(record, going)
      await remove(upload)
      await exchange.forward()
      lost.abort(new Error('the lease is lost'))
      exchange.cut()
    },
    { when: to('PUT') },
  )
  await t.rejects(pipeline.processor({ s3 }).process(record, { signal: lost.signal }))
  t.equal(await store.get(upload), undefined)
  t.notOk(await exists(aws.s3, outputOf(upload)))
})

t.test('a forged event with the id of a deleted upload removes nothing of another upload', async t => {
  const mine = await pipeline.upload('mine')
  const theirs = await pipeline.upload('theirs', { owner: 'owner-2' })
  await processor.process(streamRecord(theirs), going)
  await remove(mine)
  const forged = streamRecord({ ...theirs, owner: mine.owner, uploadId: mine.uploadId })
  await processor.process(forged, going)
  t.ok(await exists(aws.s3, outputOf(theirs)))
  t.ok(await exists(aws.s3, deadLetterOf(forged)), 'the forged event becomes a dead letter')
  t.match(await store.get(theirs), { status: 'processed' })
})

t.test('a missing object without a deletion is a failure', async t => {
  const upload = await pipeline.upload('hello')
  await aws.s3.send(new DeleteObjectCommand({ Bucket: upload.bucket, Key: upload.key }))
  const record = streamRecord(upload)
  await processor.process(record, going)
  t.match(await store.get(upload), {
    status: 'failed',
    failure: { code: 'HEADGATE_OBJECT_MISSING', reason: /\w+ \w+/ },
  })
  t.ok(await exists(aws.s3, deadLetterOf(record)))
})

t.test('a dead letter that was written during the deletion of its upload is removed', async t => {
  const upload = await pipeline.upload('hello')
  const record = streamRecord(upload)
  const deadLetters = createDeadLetters({ s3: aws.s3, bucket: names.processedBucket, stream: names.stream })
  const refusing: Transform = {
    name: 'refusing',
    version: '1',
    apply: () => Promise.reject(new TransformError('No.')),
  }
  const late = pipeline.processor({
    transforms: [refusing],
    deadLetters: {
      ...deadLetters,
      async write(...letter) {
        await remove(upload)
        return await deadLetters.write(...letter)
      },
    },
  })
  await late.process(record, going)
  t.notOk(await exists(aws.s3, deadLetterOf(record)))
  t.equal(await store.get(upload), undefined)
})
