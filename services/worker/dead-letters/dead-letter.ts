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
  /** Omitted or 0 in a plain record. */
  subSequenceNumber: Type.Optional(Type.Integer({ minimum: 0 })),
  /** Omitted if the record has none. */
  partitionKey: Type.Optional(text),
  /** The record's data, base64. */
  data: text,
  /** The failure of the upload. `causes` are the messages of the error's causes, outermost first. */
  error: Type.Object({ code: text, reason: text, causes: Type.Optional(Type.Array(text)) }),
  /** ISO 8601, UTC. */
  failedAt: text,
  /** The upload that was marked as failed, if the record named one. */
  upload: Type.Optional(Type.Object({ owner: text, uploadId: text })),
  /** Set once the record was put on the stream again: when, and its place there. */
  redriven: Type.Optional(Type.Object({ at: text, shardId: text, sequenceNumber: text })),
})

/** A record that could not be processed, with its failure and its place in the stream. It has all that a redrive needs. */
export type DeadLetter = Static<typeof deadLetterSchema>

export type Redriven = NonNullable<DeadLetter['redriven']>

const isDeadLetter = Compile(deadLetterSchema)

/** Decodes a dead letter. Undefined if the text is not a dead letter, or has an unknown version. */
export function decodeDeadLetter(json: string): DeadLetter | undefined {
  try {
    const value: unknown = JSON.parse(json)
    return isDeadLetter.Check(value) ? value : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** Returns the prefix of all dead letters of a stream, or of one shard. */
export function deadLetterPrefix(stream: string, shardId?: string): string {
  return `${keyPrefixes.deadLetters}${stream}/${shardId === undefined ? '' : `${shardId}/`}`
}

/** Returns the key of a record's dead letter. Records of an aggregate share a sequence number, so the key has their index, too. */
export function deadLetterKey(stream: string, record: Omit<StreamRecord, 'data' | 'partitionKey'>): string {
  const place = record.subSequenceNumber ? `-${record.subSequenceNumber}` : ''
  return `${deadLetterPrefix(stream, record.shardId)}${record.sequenceNumber}${place}.json`
}

/** Returns the id of a dead letter: its key without the prefix of the stream, for example `shardId-000000000001/4959…`. */
export function deadLetterId(stream: string, key: string): string | undefined {
  const prefix = deadLetterPrefix(stream)
  const id = key.startsWith(prefix) && key.endsWith('.json') ? key.slice(prefix.length, -'.json'.length) : ''
  return ID.test(id) ? id : undefined
}

/** Returns the key of a dead letter for its id or its key. Undefined for any other text. */
export function deadLetterKeyOf(stream: string, idOrKey: string): string | undefined {
  const key = ID.test(idOrKey) ? `${deadLetterPrefix(stream)}${idOrKey}.json` : idOrKey
  return deadLetterId(stream, key) === undefined ? undefined : key
}

const ID = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*\/\d+(?:-\d+)?$/
