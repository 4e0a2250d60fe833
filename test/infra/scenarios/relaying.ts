import type { Test } from 'tap'
import { createPublisher } from '../../../services/uploads/events/publisher.ts'
import { createRemoveObject } from '../../../services/uploads/objects/remove-object.ts'
import { createRemoveOutputs } from '../../../services/uploads/objects/remove-outputs.ts'
import { createResultStore } from '../../../services/uploads/objects/result-store.ts'
import { createDeletions } from '../../../services/uploads/records/deletions.ts'
import { createUploadStore } from '../../../services/uploads/records/store.ts'
import { createOutboxRelay } from '../../../services/worker/outbox/relay.ts'
import { going, type Pipeline, streamRecord, uploadRecord } from '../../worker/pipeline.ts'
import type { Recorder } from '../support/recorder.ts'
import { itemRules } from './processing.ts'

/** Publishes an event that the api could not publish, and finishes an interrupted deletion. */
export async function relay(t: Test, pipeline: Pipeline, { clients }: Recorder): Promise<void> {
  const { s3, dynamodb, kinesis } = clients
  const { aws, store, deletions, log } = pipeline
  const table = aws.env.UPLOADS_TABLE ?? ''
  const uploadedAt = new Date(Date.now() - 60_000).toISOString()
  const waiting = uploadRecord({ uploadedAt })
  await store.create(waiting)
  const deleted = await pipeline.upload('hello', { uploadedAt })
  await store.markProcessed(deleted, deleted, {
    bucket: aws.env.PROCESSED_BUCKET ?? '',
    key: deleted.key.replace('uploads/', 'processed/'),
  })
  const item = await pipeline.upload('hello item', { uploadedAt })
  await pipeline.processor({ rules: await itemRules() }).process(streamRecord(item), going)
  await deletions.begin(deleted)
  await deletions.begin(item)

  const removeOutputs = createRemoveOutputs(s3, createResultStore({ dynamodb, table }))
  const relaying = createOutboxRelay({
    store: createUploadStore({ dynamodb, table }),
    deletions: createDeletions({ dynamodb, table, removeObject: createRemoveObject(s3), removeOutputs }),
    publisher: createPublisher({ kinesis, stream: aws.env.STREAM_NAME ?? '', timeoutMs: 10_000 }),
    intervalMs: 1_000,
    graceMs: 30_000,
    log,
  })
  t.ok((await relaying.runOnce()) >= 2)
  t.match(await store.get(waiting), { status: 'queued' })
}
