import { GetObjectCommand } from '@aws-sdk/client-s3'
import type { Test } from 'tap'
import { createCleanUp } from '../../../services/api/pending/end-pending.ts'
import { createSweep } from '../../../services/api/pending/sweep.ts'
import { loadConfig } from '../../../services/platform/config/load.ts'
import { workerConfigSchema } from '../../../services/platform/config/worker.ts'
import { createPublisher } from '../../../services/uploads/events/publisher.ts'
import { processedKey } from '../../../services/uploads/objects/keys.ts'
import { createRemoveObject } from '../../../services/uploads/objects/remove-object.ts'
import { createRemoveOutputs } from '../../../services/uploads/objects/remove-outputs.ts'
import { createResultStore } from '../../../services/uploads/objects/result-store.ts'
import { createPendingStore } from '../../../services/uploads/pending/pending-store.ts'
import { createDeletions } from '../../../services/uploads/records/deletions.ts'
import { createUploadStore } from '../../../services/uploads/records/store.ts'
import { createDeadLetters } from '../../../services/worker/dead-letters/writer.ts'
import { createWorkerOrphanSweep } from '../../../services/worker/orphans/sweep.ts'
import { createOutboxRelay } from '../../../services/worker/outbox/relay.ts'
import { createAttemptStore } from '../../../services/worker/processing/attempts/attempt-store.ts'
import { createProcessor } from '../../../services/worker/processing/processor.ts'
import { copy } from '../../../services/worker/transforms/built-in/copy.ts'
import { ruleOf } from '../../../services/worker/transforms/rules/rules.ts'
import type { TestAws } from '../../support/aws.ts'
import { readStream } from '../../support/stream.ts'
import { createMemoryLog } from '../../worker/memory-log.ts'
import { sha256Of } from '../grants/support.ts'
import type { TestUser } from '../support.ts'
import type { Attempt } from './upload-methods.ts'

const HOUR = 3_600_000

/** Runs everything that workers and an api do after an upload, until nothing is left to do. */
export interface Aftermath {
  /** Runs the first sweep of orphans. Call it before the uploads, because the sweep ignores objects from before its first pass. */
  begin(): Promise<void>
  /** Runs both sweeps and the relay with a clock over a day ahead, and processes all records of the stream. */
  settle(): Promise<void>
  /** Compares what a user has in S3 and DynamoDB with the response that its client got. */
  verify(t: Test, name: string, user: TestUser, attempt: Attempt): Promise<void>
}

export function createAftermath(aws: TestAws): Aftermath {
  const { s3, dynamodb, kinesis } = aws
  const { UPLOADS_TABLE: table, ...config } = loadConfig(workerConfigSchema, aws.env)
  const { UPLOAD_BUCKET: uploadBucket, PROCESSED_BUCKET: processedBucket, STREAM_NAME: stream } = config
  const { log, lines } = createMemoryLog()
  const store = createUploadStore({ dynamodb, table })
  const results = createResultStore({ dynamodb, table })
  const removeOutputs = createRemoveOutputs(s3, results)
  const deletions = createDeletions({ dynamodb, table, removeObject: createRemoveObject(s3), removeOutputs })
  const deadLetters = createDeadLetters({ s3, bucket: processedBucket, stream })
  // Copies every file, so that the expected output is known.
  const rules = [ruleOf(copy)]
  const buckets = { uploadBucket, processedBucket }
  const processor = createProcessor({
    ...{ s3, store, deletions, ...buckets, deadLetters, log },
    ...{ rules, results, removeOutputs, attempts: createAttemptStore({ dynamodb, table, stream }) },
  })
  const later = () => Date.now() + 26 * HOUR

  function sweepOrphans(now?: () => number) {
    return createWorkerOrphanSweep({ ...config, UPLOADS_TABLE: table }, aws, log, now).runOnce()
  }

  async function processStream(): Promise<void> {
    const { signal } = new AbortController()
    for (const { Data = new Uint8Array(), PartitionKey: partitionKey = '', SequenceNumber = '' } of await readStream(
      kinesis,
      stream,
    )) {
      await processor.process(
        { data: Data, partitionKey, sequenceNumber: SequenceNumber, shardId: 'shard' },
        { signal },
      )
    }
    const deadLettered = lines.filter(({ msg }) => msg === 'record dead-lettered')
    if (deadLettered.length > 0) throw new Error(`Records were given up: ${JSON.stringify(deadLettered)}`)
  }

  async function sha256Processed(key: string): Promise<string> {
    const reply = await s3.send(new GetObjectCommand({ Bucket: processedBucket, Key: processedKey(key) }))
    return sha256Of((await reply.Body?.transformToByteArray()) ?? new Uint8Array())
  }

  return {
    async begin() {
      await sweepOrphans()
    },

    async settle() {
      const now = () => new Date(later())
      const pending = createPendingStore({ dynamodb, table })
      await createSweep({ pending, cleanUp: createCleanUp(s3), lifetimeMs: 24 * HOUR, log, now }).runOnce()
      await processStream()
      await sweepOrphans(later)
      const publisher = createPublisher({ kinesis, stream, timeoutMs: 20_000 })
      await createOutboxRelay({ store, deletions, publisher, intervalMs: 1, graceMs: 0, log, now }).runOnce()
      await processStream()
    },

    async verify(t, name, user, { outcome, uploads, answer }) {
      const { objects, openUploads, records } = await user.traces()
      const what = `${name} (${outcome}: ${answer})`
      const live = records.filter(({ status }) => status !== 'deleted')
      t.equal(openUploads, 0, `${what}: no multipart upload is open`)
      t.same(objects.toSorted(), live.map(({ key }) => key).toSorted(), `${what}: objects and records are the same`)
      const unprocessed = live.filter(it => it.status !== 'processed' || it.outboxPartition !== undefined)
      t.same(unprocessed, [], `${what}: all that is recorded is processed`)
      if (outcome === 'refused') t.same(live, [], `${what}: nothing is left`)
      if (outcome === 'accepted') {
        const inTable = live.map(({ uploadId, sha256 }) => ({ uploadId, sha256 }))
        t.same(new Set(inTable), new Set(uploads), `${what}: what was accepted is what is recorded`)
      }
      for (const record of live as Array<{ key: string; sha256: string; contentType: string }>) {
        if (record.contentType.startsWith('text/')) continue
        t.equal(await sha256Processed(record.key), record.sha256, `${what}: ${record.key} is copied whole`)
      }
    },
  }
}
