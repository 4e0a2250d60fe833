import { type Static, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { keyPrefixes } from '../../platform/resources.ts'
import type { StreamRecord } from '../stream-record.ts'

export const DEAD_LETTER_VERSION = 1

const text = Type.String()

const deadLetterSchema = Type.Object({
  version: Type.Literal(DEAD_LETTER_VERSION),
  stream: text,
  shardId: text,
  sequenceNumber: Type.String({ pattern: '^[0-9]+$' }),
  /** Left out or 0 in a plain record. */
  subSequenceNumber: Type.Optional(Type.Integer({ minimum: 0 })),
  partitionKey: text,
  /** The record's data, base64. */
  data: text,
  /** What the upload was marked with; `causes` are the messages of what lay under it, outermost first. */
  error: Type.Object({ code: text, reason: text, causes: Type.Optional(Type.Array(text)) }),
  /** ISO 8601, UTC. */
  failedAt: text,
  /** The upload that was marked as failed, where the record named one. */
  upload: Type.Optional(Type.Object({ owner: text, uploadId: text })),
  /** Once it was put on the stream again: when, and where it lies there. */
  redriven: Type.Optional(Type.Object({ at: text, shardId: text, sequenceNumber: text })),
})

/** A record that was passed over: all of it, why, and where it came from. What a redrive needs, and a person. */
export type DeadLetter = Static<typeof deadLetterSchema>

export type Redriven = NonNullable<DeadLetter['redriven']>

const isDeadLetter = Compile(deadLetterSchema)

/** Undefined where it is none, or one of a version that is not known. */
export function decodeDeadLetter(json: string): DeadLetter | undefined {
  try {
    const value: unknown = JSON.parse(json)
    return isDeadLetter.Check(value) ? value : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** Below which all dead letters of a stream lie. */
export function deadLetterPrefix(stream: string, shardId?: string): string {
  return `${keyPrefixes.deadLetters}${stream}/${shardId === undefined ? '' : `${shardId}/`}`
}

/** Where a record's dead letter lies. The records of an aggregate share a sequence number: their place in it tells them apart. */
export function deadLetterKey(stream: string, record: Omit<StreamRecord, 'data' | 'partitionKey'>): string {
  const place = record.subSequenceNumber ? `-${record.subSequenceNumber}` : ''
  return `${deadLetterPrefix(stream, record.shardId)}${record.sequenceNumber}${place}.json`
}

/** What people call a dead letter: its key, without what all of the stream have in common. `shardId-000000000001/4959…` */
export function deadLetterId(stream: string, key: string): string | undefined {
  const prefix = deadLetterPrefix(stream)
  const id = key.startsWith(prefix) && key.endsWith('.json') ? key.slice(prefix.length, -'.json'.length) : ''
  return ID.test(id) ? id : undefined
}

/** The key of a dead letter by its id, or by its key, as logs have it. Undefined where it is neither. */
export function deadLetterKeyOf(stream: string, idOrKey: string): string | undefined {
  const key = ID.test(idOrKey) ? `${deadLetterPrefix(stream)}${idOrKey}.json` : idOrKey
  return deadLetterId(stream, key) === undefined ? undefined : key
}

const ID = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*\/\d+(?:-\d+)?$/
