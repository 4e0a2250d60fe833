import { PutObjectCommand } from '@aws-sdk/client-s3'
import type { Test } from 'tap'
import { createLocalClients } from '../../../services/local/clients.ts'
import { createRemoveObject } from '../../../services/uploads/objects/remove-object.ts'
import { createRemoveOutputs } from '../../../services/uploads/objects/remove-outputs.ts'
import { createResultStore } from '../../../services/uploads/objects/result-store.ts'
import { createDeletions } from '../../../services/uploads/records/deletions.ts'
import { createUploadStore } from '../../../services/uploads/records/store.ts'
import { createDeadLetters } from '../../../services/worker/dead-letters/writer.ts'
import { createAttemptStore } from '../../../services/worker/processing/attempts/attempt-store.ts'
import type { DeadLetters, Processor, ProcessorSettings } from '../../../services/worker/processing/processor.ts'
import { loadRules } from '../../../services/worker/transforms/rules/rules.ts'
import { startFaultProxy, to } from '../../support/fault-proxy.ts'
import { loseReply } from '../../support/faults/faults.ts'
import { exists, going, type Pipeline, streamRecord, uploadRecord } from '../../worker/pipeline.ts'
import type { Recorder } from '../support/recorder.ts'

const MIB = 1024 ** 2

/** Rules that store an output as an item. */
export const itemRules = () =>
  loadRules('{"rules":[{"transform":"upper-case","sink":"dynamodb"}]}', transform => transform)

/** Creates a processor whose calls are recorded. */
function recorded(
  pipeline: Pipeline,
  { clients: { s3, dynamodb } }: Recorder,
  settings: Partial<ProcessorSettings> = {},
): Processor {
  const { aws, log } = pipeline
  const table = aws.env.UPLOADS_TABLE ?? ''
  const results = createResultStore({ dynamodb, table })
  const removeOutputs = createRemoveOutputs(s3, results)
  return pipeline.processor({
    s3,
    results,
    removeOutputs,
    store: createUploadStore({ dynamodb, table }),
    deletions: createDeletions({ dynamodb, table, removeObject: createRemoveObject(s3), removeOutputs }),
    deadLetters: lettersBy(s3, pipeline),
    attempts: createAttemptStore({ dynamodb, table, stream: aws.env.STREAM_NAME ?? '' }),
    // Immediately, so that the call is recorded.
    markProcessingAfterMs: 0,
    log,
    ...settings,
  })
}

function lettersBy(s3: Recorder['clients']['s3'], { aws }: Pipeline): DeadLetters {
  return createDeadLetters({ s3, bucket: aws.env.PROCESSED_BUCKET ?? '', stream: aws.env.STREAM_NAME ?? '' })
}

/** Processes a record of each kind: small, large, rejected half way, without its object, deleted, and invalid. */
export async function process(t: Test, pipeline: Pipeline, recorder: Recorder): Promise<void> {
  const { store, deletions } = pipeline
  const processor = recorded(pipeline, recorder)
  const take = (record: ReturnType<typeof streamRecord>) => processor.process(record, going)

  const small = await pipeline.upload('hello kinesis')
  await take(streamRecord(small))
  t.match(await store.get(small), { status: 'processed' })
  await take(streamRecord(await pipeline.upload(Buffer.alloc(9 * MIB, 'x'))))

  const lossy = await startFaultProxy(t, recorder.endpoints.s3)
  const clients = createLocalClients({ ...recorder.endpoints, s3: lossy.url })
  t.teardown(() => clients.destroy())
  const lost = lossy.inject(loseReply, { when: to('POST', /uploadId=/), times: 1 })
  const completed = await pipeline.upload(Buffer.alloc(9 * MIB, 'y'))
  await recorded(pipeline, { ...recorder, clients }).process(streamRecord(completed), going)
  t.equal(lost.hits, 1, 'the response to the completion of the output was lost')
  t.match(await store.get(completed), { status: 'processed' })

  // The last byte is invalid UTF-8, after a part of the output has been written.
  const broken = await pipeline.upload(Buffer.concat([Buffer.alloc(10 * MIB, 'x'), Buffer.from([0xff])]))
  await take(streamRecord(broken))
  t.match(await store.get(broken), { status: 'failed' })

  const missing = uploadRecord()
  await store.create(missing)
  await take(streamRecord(missing))
  await take(streamRecord('no event at all'))

  const deleted = await pipeline.upload('hello')
  const beginning = await deletions.begin(deleted)
  if (beginning) await deletions.complete(beginning)
  await take(streamRecord(deleted))

  // The upload is deleted after the check whether it is, and before the dead letter.
  const late = uploadRecord()
  await store.create(late)
  const letters = lettersBy(recorder.clients.s3, pipeline)
  const write: DeadLetters['write'] = async (...letter) => {
    await deletions.begin(late)
    return await letters.write(...letter)
  }
  await recorded(pipeline, recorder, { deadLetters: { ...letters, write } }).process(streamRecord(late), going)

  // After a worker died.
  const suspect = await pipeline.upload('hello')
  await processor.process(streamRecord(suspect), { ...going, isSuspect: true })
  t.match(await store.get(suspect), { status: 'processed' })

  const items = recorded(pipeline, recorder, { rules: await itemRules() })
  const item = await pipeline.upload('hello item')
  await items.process(streamRecord(item), going)
  t.match(await store.get(item), { status: 'processed' })
  await deletions.begin(item)
  await items.process(streamRecord(item), going)
}

/** Processes an object of another producer, and a deleted upload with a flat key. */
export async function processFlat(t: Test, pipeline: Pipeline, recorder: Recorder): Promise<void> {
  const { aws, deletions, store } = pipeline
  const processor = recorded(pipeline, recorder)
  const bucket = aws.env.UPLOAD_BUCKET ?? ''
  await aws.s3.send(new PutObjectCommand({ Bucket: bucket, Key: 'other/a.txt', Body: 'hello' }))
  await processor.process(streamRecord({ bucket, key: 'other/a.txt' }), going)
  t.ok(await exists(aws.s3, 'processed-other/other/a.txt'))

  const upload = await pipeline.upload('hello', { key: 'uploads/flat.txt' })
  await processor.process(streamRecord(upload), going)
  t.match(await store.get(upload), { status: 'processed' })
  await deletions.begin(upload)
  await processor.process(streamRecord(upload), going)
}
