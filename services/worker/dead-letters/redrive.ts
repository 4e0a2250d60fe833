import { type KinesisClient, PutRecordCommand } from '@aws-sdk/client-kinesis'
import type { UploadStore } from '../../uploads/records/store.ts'
import type { ArchivedLetter, DeadLetterArchive } from './archive.ts'
import type { DeadLetter, Redriven } from './dead-letter.ts'

export type RedriveResult =
  /** Its record is on the stream again; `isUploadQueued` tells whether the upload went back from `failed` to `queued`. */
  | { outcome: 'redriven'; redriven: Redriven; isUploadQueued: boolean }
  /** It was before: nothing was done. */
  | { outcome: 'already redriven'; redriven: Redriven }
  /** What lies there is no dead letter that this version can read: nothing was done. */
  | { outcome: 'unreadable' }

export interface RedriveSettings {
  archive: Pick<DeadLetterArchive, 'markRedriven'>
  kinesis: KinesisClient
  store: Pick<UploadStore, 'get' | 'markRedriven'>
  now?: () => Date
}

/** Whether to put a record on the stream once more that was redriven before. */
export interface RedriveOptions {
  again?: boolean
}

export type Redrive = (archived: ArchivedLetter, options?: RedriveOptions) => Promise<RedriveResult>

/**
 * Puts the record of a dead letter on its stream again, with its bytes and its partition key, whatever they are.
 *
 * The letter keeps that it was done, so that a second time does nothing. Whoever dies between the two has put a record there
 * that a second redrive puts there again, which the processor does not mind: the same event gives the same object. The upload
 * is shown as queued last of all, and only if it is still failed as it was before: a worker may be done with it by then.
 */
export function createRedrive({ archive, kinesis, store, now = () => new Date() }: RedriveSettings): Redrive {
  async function put({ stream, data, partitionKey }: DeadLetter): Promise<Redriven> {
    const command = new PutRecordCommand({
      StreamName: stream,
      Data: Buffer.from(data, 'base64'),
      PartitionKey: partitionKey,
    })
    const { ShardId: shardId = '', SequenceNumber: sequenceNumber = '' } = await kinesis.send(command)
    return { at: now().toISOString(), shardId, sequenceNumber }
  }

  return async ({ key, letter }, { again = false } = {}) => {
    if (!letter) return { outcome: 'unreadable' }
    if (letter.redriven && !again) return { outcome: 'already redriven', redriven: letter.redriven }
    const failed = letter.upload && (await store.get(letter.upload))
    const redriven = await put(letter)
    await archive.markRedriven(letter, key, redriven)
    const isUploadQueued = failed?.status === 'failed' && (await store.markRedriven(failed))
    return { outcome: 'redriven', redriven, isUploadQueued }
  }
}
