import { beforeDeadline, settle, withinDeadline } from '../../platform/deadline.ts'
import type { Logger } from '../../platform/log.ts'
import type { EventPublisher } from '../../uploads/events/publisher.ts'
import { eventOf, type UploadRecord } from '../../uploads/records/record.ts'
import type { UploadStore } from '../../uploads/records/store.ts'
import { RecordingUnknownError } from './errors.ts'

export interface PublishUploadSettings {
  store: Pick<UploadStore, 'markStored' | 'markQueued'>
  publisher: Pick<EventPublisher, 'publish'>
}

/**
 * Publishes the event of a recorded upload. Resolves to the upload as it is then: `stored` where the relay has to publish it.
 */
export type PublishUpload = (upload: UploadRecord, log: Pick<Logger, 'warn' | 'error'>) => Promise<UploadRecord>

/**
 * The last step of accepting an upload, by whatever way it came: its event on the stream, or its mark in the outbox. One that was
 * recorded as `queued` gets the mark where Kinesis does not take the event; one that was recorded with its mark, as `stored`,
 * loses it where Kinesis does.
 *
 * The function it makes rejects with a RecordingUnknownError where neither the stream nor the outbox has the upload.
 */
export function createPublishUpload({ store, publisher }: PublishUploadSettings): PublishUpload {
  async function takeMark(upload: UploadRecord, log: Pick<Logger, 'error'>): Promise<UploadRecord> {
    // Waited for, so that whoever reads the upload after the answer finds what the answer said, and since a Lambda function
    // is frozen once it has answered. When it fails, the relay publishes the event again, which changes nothing.
    await store.markQueued(upload).catch((err: unknown) => {
      log.error({ err, uploadId: upload.uploadId }, 'the upload could not be marked as queued')
    })
    return { ...upload, status: 'queued' }
  }

  async function setMark(upload: UploadRecord): Promise<UploadRecord> {
    try {
      return (await settle(() => store.markStored(upload))) ? { ...upload, status: 'stored' } : upload
    } catch (cause) {
      const message = 'The upload is stored, but nobody can be told to process it. Send it again.'
      throw new RecordingUnknownError(message, { cause })
    }
  }

  return async (upload, log) => {
    const isMarked = upload.status === 'stored'
    try {
      // The requests that carry events are shared, and have a time-out of their own.
      await beforeDeadline(withinDeadline(undefined, () => publisher.publish(eventOf(upload))))
    } catch (err) {
      // Whatever went wrong, the upload is durable and recorded, and with its mark it is all that a success promises.
      log.warn({ err, uploadId: upload.uploadId }, 'the event is not on the stream: it is left to the outbox relay')
      return isMarked ? upload : setMark(upload)
    }
    return isMarked ? takeMark(upload, log) : upload
  }
}
