import { randomUUID } from 'node:crypto'
import { type KinesisClient, PutRecordCommand } from '@aws-sdk/client-kinesis'
import type { UploadStore } from '../../uploads/records/store.ts'
import type { ArchivedLetter, DeadLetterArchive } from './archive.ts'
import type { DeadLetter, Redriven } from './dead-letter.ts'

export type RedriveResult =
  /** The record is on the stream again. `isUploadQueued` is true if the upload went from `failed` to `queued`. */
  | { outcome: 'redriven'; redriven: Redriven; isUploadQueued: boolean }
  /** The record was put on the stream before. Nothing was done. */
  | { outcome: 'already redriven'; redriven: Redriven }
  /** This version can't read the dead letter. Nothing was done. */
  | { outcome: 'unreadable' }

export interface RedriveSettings {
  archive: Pick<DeadLetterArchive, 'markRedriven'>
  kinesis: KinesisClient
  store: Pick<UploadStore, 'get' | 'markRedriven'>
  now?: () => Date
}

/** `again` puts a record on the stream that was redriven before. */
export interface RedriveOptions {
  again?: boolean
}

export type Redrive = (archived: ArchivedLetter, options?: RedriveOptions) => Promise<RedriveResult>

/**
 * Puts the record of a dead letter on its stream again, with the same data and partition key. A record without a key is put without
 * one. If the stream requires a key, the record gets a random one, which gives it no order either.
 *
 * The dead letter then records the redrive, so that a second redrive does nothing. If the process dies between the two, a second redrive
 * puts the record on the stream again. That does no harm, because the same event gives the same object. The upload becomes `queued`
 * last, and only if it has not changed since: a worker may already have processed it.
 */
export function createRedrive({ archive, kinesis, store, now = () => new Date() }: RedriveSettings): Redrive {
  async function put({ stream, data, partitionKey }: DeadLetter): Promise<Redriven> {
    const record = { StreamName: stream, Data: Buffer.from(data, 'base64') }
    const send = (PartitionKey: string | undefined) => kinesis.send(new PutRecordCommand({ ...record, PartitionKey }))
    const reply = await send(partitionKey || undefined).catch(error => {
      if (partitionKey || !isInvalid(error)) throw error
      return send(randomUUID())
    })
    const { ShardId: shardId = '', SequenceNumber: sequenceNumber = '' } = reply
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

/** The errors with which Kinesis and its emulators reject a record without a key. */
const INVALID: ReadonlySet<string> = new Set([
  'InvalidArgumentException',
  'SerializationException',
  'ValidationException',
])

function isInvalid(error: unknown): boolean {
  return error instanceof Error && INVALID.has(error.name)
}
