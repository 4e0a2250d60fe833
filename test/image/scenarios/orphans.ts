import { randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { createUploadStore } from '../../../services/uploads/records/store.ts'
import { sections } from '../../../services/worker/orphans/list-upload-objects.ts'
import { createSweepClaims } from '../../../services/worker/orphans/sweep-claim.ts'
import type { TestAws } from '../../support/aws.ts'
import { putUpload, uploadRecord } from '../../worker/pipeline.ts'
import { type Scene, scheduled } from '../functions.ts'

const HOUR = 3_600_000

/** Deletes an object without a record, and puts an upload whose event never comes back into the outbox. */
export async function sweepOrphans(t: Test, { aws, start }: Scene): Promise<void> {
  const table = aws.env.UPLOADS_TABLE ?? ''
  const store = createUploadStore({ dynamodb: aws.dynamodb, table })
  const createRecord = () => uploadRecord({ uploadId: uuidv7(), owner: randomUUID(), status: 'queued' })
  const [orphan, waiting] = [createRecord(), createRecord()]
  await putUpload(aws.s3, orphan, 'nobody knows of me')
  await putUpload(aws.s3, waiting, 'hello kinesis')
  await store.create(waiting)
  await leavePass(aws, table)

  const orphans = await start('orphans')
  t.strictSame(await orphans.invoke(scheduled), { requeued: 1, removed: 1 })
  await t.rejects(
    putUpload(aws.s3, orphan, 'late').then(() => store.create(orphan)),
    { code: 'HEADGATE_UPLOAD_GIVEN_UP' },
  )
  t.match(await store.get(waiting), { status: 'stored' }, 'its event is to be published again')
  t.strictSame(await orphans.invoke(scheduled), {}, 'the next pass is due in some hours')
}

/**
 * Stores a pass that a worker with a clock in the future began and left: the next worker continues it. So the test does
 * not wait for the hours after which an object counts as orphaned.
 */
async function leavePass({ dynamodb }: TestAws, table: string): Promise<void> {
  const turns = createSweepClaims({ dynamodb, table })
  const now = Date.now()
  for (const { index } of sections) {
    const first = await turns.take(index, { now, until: now + 1, to: now - HOUR })
    if (first) await turns.finish(first, now)
    const second = await turns.take(index, { now: now + 1, until: now + 2, to: now + HOUR })
    if (!second) throw new Error('The claim was not given.')
    await turns.release(second)
  }
}
