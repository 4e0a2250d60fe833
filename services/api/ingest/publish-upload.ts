import type { Logger } from '../../platform/log.ts'
import type { EventPublisher } from '../../uploads/publisher.ts'
import { eventOf, type UploadRecord } from '../../uploads/record.ts'
import type { UploadStore } from '../../uploads/store.ts'
import { RecordingUnknownError } from './errors.ts'

export interface PublishUploadSettings {
  store: Pick<UploadStore, 'markStored'>
  publisher: Pick<EventPublisher, 'publish'>
}

/** Publishes the event of a recorded upload. Resolves to the upload as it is then: `stored` where the relay has to publish it. */
export type PublishUpload = (upload: UploadRecord, log: Pick<Logger, 'warn'>) => Promise<UploadRecord>

/**
 * The last step of accepting an upload: its event on the stream, or its mark in the outbox. The function it makes rejects with
 * a RecordingUnknownError where neither takes it.
 */
export function createPublishUpload({ store, publisher }: PublishUploadSettings): PublishUpload {
  async function hold(upload: UploadRecord): Promise<boolean> {
    try {
      return await store.markStored(upload)
    } catch (cause) {
      const message = 'The upload is stored, but nobody can be told to process it. Send it again.'
      throw new RecordingUnknownError(message, { cause })
    }
  }

  return async (upload, log) => {
    try {
      await publisher.publish(eventOf(upload))
      return upload
    } catch (err) {
      // Whatever went wrong, the upload is durable and recorded, and with its mark it is all that a success promises.
      log.warn({ err, uploadId: upload.uploadId }, 'the event is not on the stream: it is left to the outbox relay')
    }
    return (await hold(upload)) ? { ...upload, status: 'stored' } : upload
  }
}
