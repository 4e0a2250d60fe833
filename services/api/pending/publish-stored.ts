import type { Logger } from '../../platform/log.ts'
import type { EventPublisher } from '../../uploads/publisher.ts'
import { eventOf, type UploadRecord } from '../../uploads/record.ts'
import type { UploadStore } from '../../uploads/store.ts'

/** Publishes the event of an upload that is stored. Resolves to whether it is on the stream; never rejects. */
export type PublishStored = (upload: UploadRecord, log: Pick<Logger, 'warn' | 'error'>) => Promise<boolean>

export interface PublishStoredSettings {
  publisher: Pick<EventPublisher, 'publish'>
  store: Pick<UploadStore, 'markQueued'>
}

export function createPublishStored({ publisher, store }: PublishStoredSettings): PublishStored {
  return async (upload, log) => {
    try {
      await publisher.publish(eventOf(upload))
    } catch (err) {
      // Whatever went wrong, the upload is durable and recorded, and that is what a success promises.
      log.warn(
        { err, uploadId: upload.uploadId },
        'the event is not on the stream yet: the outbox relay will publish it',
      )
      return false
    }
    // Waited for, so that whoever reads the upload after the answer finds what the answer said, and since a Lambda function
    // is frozen once it has answered. When it fails, the relay publishes the event again, which changes nothing.
    await store.markQueued(upload).catch((err: unknown) => {
      log.error({ err, uploadId: upload.uploadId }, 'the upload could not be marked as queued')
    })
    return true
  }
}
