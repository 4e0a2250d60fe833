import { beforeDeadline, cleanUp, withinDeadline } from '../../platform/deadline.ts'
import type { Logger } from '../../platform/log.ts'
import type { EventPublisher } from '../../uploads/events/publisher.ts'
import { eventOf, type UploadRecord } from '../../uploads/records/record.ts'
import type { UploadStore } from '../../uploads/records/store.ts'
import { RecordingUnknownError } from './errors.ts'

export interface PublishUploadDeps {
  store: Pick<UploadStore, 'markStored' | 'markQueued'>
  publisher: Pick<EventPublisher, 'publish'>
}

/**
 * Publishes the event of a recorded upload: the last step of accepting an upload, in every upload format. Resolves to the upload
 * with its new status: `queued`, or `stored` if the relay has to publish the event.
 *
 * A `queued` record gets the outbox mark if Kinesis does not take the event. A `stored` record, which already has the mark, loses
 * the mark if Kinesis takes the event.
 *
 * @throws RecordingUnknownError if neither the stream nor the outbox took the event
 */
export async function publishUpload(
  { store, publisher }: PublishUploadDeps,
  upload: UploadRecord,
  log: Pick<Logger, 'warn' | 'error'>,
): Promise<UploadRecord> {
  const isMarked = upload.status === 'stored'
  try {
    // Uploads share the PutRecords requests, and those have a timeout of their own. So the wait is bound by this request's deadline,
    // and the request to Kinesis is not.
    await beforeDeadline(withinDeadline(undefined, () => publisher.publish(eventOf(upload))))
  } catch (err) {
    // The upload is durable and recorded. With its outbox mark it is all that a 202 promises.
    log.warn({ err, uploadId: upload.uploadId }, 'the event was not published: the outbox relay will publish it')
    return isMarked ? upload : markStored(store, upload)
  }
  return isMarked ? markQueued(store, upload, log) : upload
}

async function markQueued(
  store: Pick<UploadStore, 'markQueued'>,
  upload: UploadRecord,
  log: Pick<Logger, 'error'>,
): Promise<UploadRecord> {
  // The response waits for this write: a client that reads the upload afterwards must see the status of the response, and a Lambda
  // function is frozen after it has responded. If the write fails, the relay publishes the event again, which has no effect.
  await store.markQueued(upload).catch((err: unknown) => {
    log.error({ err, uploadId: upload.uploadId }, 'the upload could not be marked as queued')
  })
  return { ...upload, status: 'queued' }
}

async function markStored(store: Pick<UploadStore, 'markStored'>, upload: UploadRecord): Promise<UploadRecord> {
  try {
    return (await cleanUp(() => store.markStored(upload))) ? { ...upload, status: 'stored' } : upload
  } catch (cause) {
    const message = 'The upload is stored, but it is unknown whether it will be processed. Send the upload again.'
    throw new RecordingUnknownError(message, { cause })
  }
}
