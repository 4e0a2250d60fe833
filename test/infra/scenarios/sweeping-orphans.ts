import { randomUUID } from 'node:crypto'
import { CreateMultipartUploadCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import type { Test } from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { loadConfig } from '../../../services/platform/config/load.ts'
import { orphansConfigSchema } from '../../../services/platform/config/worker.ts'
import { toObjectMetadata } from '../../../services/uploads/objects/metadata.ts'
import { tailKey } from '../../../services/uploads/pending/pending.ts'
import { createWorkerOrphanSweep } from '../../../services/worker/orphans/sweep.ts'
import { type Pipeline, uploadRecord } from '../../worker/pipeline.ts'
import type { Recorder } from '../support/recorder.ts'

const HOUR = 3_600_000

/** Sweeps one orphan of each kind that a crash of the api leaves, and an upload that waits for an event, a day later. */
export async function sweepOrphans(t: Test, pipeline: Pipeline, { clients }: Recorder): Promise<void> {
  const { aws, store, upload, log } = pipeline
  const config = loadConfig(orphansConfigSchema, aws.env)
  const pass = (hours: number) =>
    createWorkerOrphanSweep(config, clients, log, () => Date.now() + hours * HOUR).runOnce()
  const createRecord = () => uploadRecord({ uploadId: uuidv7(), owner: randomUUID() })
  t.same(await pass(0), { requeued: 0, removed: 0 }, 'the first of all')

  const alone = createRecord()
  const Metadata = toObjectMetadata(alone)
  await aws.s3.send(new PutObjectCommand({ Bucket: alone.bucket, Key: alone.key, Body: 'x', Metadata }))
  const inParts = createRecord()
  await aws.s3.send(new CreateMultipartUploadCommand({ Bucket: inParts.bucket, Key: inParts.key }))
  const resumable = createRecord()
  await aws.s3.send(new PutObjectCommand({ Bucket: resumable.bucket, Key: tailKey(resumable, 0), Body: 'x' }))
  const waiting = await upload('hello', { ...createRecord(), status: 'queued' })
  const swept = await pass(26)
  t.ok(swept && swept.removed >= 3 && swept.requeued >= 1, JSON.stringify(swept))
  t.match(await store.get(waiting), { status: 'stored' })
}
