import { marshall } from '@aws-sdk/util-dynamodb'
import { type NewNotification, owedChange } from '../notifications/owed.ts'
import type { Findings, ObjectRef, ProcessedObject, ProcessingResult, UploadFailure } from './record.ts'
import { type Trail, trailChange } from './trail.ts'

/** Holds if there is a record and its object is the one that the event names. */
export const HAS_SOURCE = '#bucket = :bucket AND #key = :key'
export const SOURCE_NAMES = { '#bucket': 'bucket', '#key': 'key' } as const
export const sourceValues = ({ bucket, key }: ObjectRef) => ({ ':bucket': bucket, ':key': key })

/** The end of an upload. */
export interface UploadEnd {
  uploadId: string
  source: ObjectRef
  /** ISO 8601, UTC. */
  at: string
  trail: Trail | undefined
  notify: NewNotification | undefined
}

/** Returns the UpdateItem that marks an upload as processed, and what it changes in the record. */
export function processedChange(
  { uploadId, source, at, trail, notify }: UploadEnd,
  processed: ProcessedObject | undefined,
  result: ProcessingResult | undefined,
) {
  const { outputs, transform, ...findings } = result ?? {}
  const values = { processed, outputs, transform }
  const found = findingsChange(findings)
  // Attributes without a value are removed: another transform may have written them before.
  const given = Object.entries(values).filter(([, value]) => value !== undefined)
  const gone = Object.entries(values).filter(([, value]) => value === undefined)
  const sets = given.map(([name]) => `, #${name} = :${name}`).join('')
  const removes = ['outboxPartition', 'outboxClaimedUntil', 'failure', ...gone.map(([name]) => `#${name}`)].join(', ')
  const { set, remove, values: trailValues } = trailChange(trail)
  const owed = owedChange(uploadId, notify)
  const update = {
    UpdateExpression: `SET #status = :done, updatedAt = :now${set}${owed.set}${found.set}${sets} REMOVE ${removes}${remove}${found.remove}`,
    ConditionExpression: `${HAS_SOURCE} AND NOT #status IN (:deleted, :pending, :quarantined)`,
    // The message of a notification is built from the whole record.
    ReturnValues: notify ? ('ALL_OLD' as const) : ('UPDATED_OLD' as const),
    ExpressionAttributeNames: {
      ...SOURCE_NAMES,
      ...owed.names,
      ...found.names,
      '#status': 'status',
      ...Object.fromEntries(Object.keys(values).map(name => [`#${name}`, name])),
    },
    ExpressionAttributeValues: {
      ...marshall(
        {
          ...sourceValues(source),
          ':done': 'processed',
          ':deleted': 'deleted',
          ':pending': 'pending',
          ':quarantined': 'quarantined',
          ':now': at,
          ...Object.fromEntries(given.map(([name, value]) => [`:${name}`, value])),
        },
        { removeUndefinedValues: true },
      ),
      ...trailValues,
      ...owed.values,
      ...found.values,
    },
  }
  return { update, changed: { ...values, ...found.changed, status: 'processed', updatedAt: at, failure: undefined } }
}

/** Returns the UpdateItem that marks an upload as failed, and what it changes in the record. */
export function failedChange(
  { uploadId, source, at, trail, notify }: UploadEnd,
  failure: UploadFailure,
  findings: Findings,
) {
  const { set, remove, values } = trailChange(trail)
  const owed = owedChange(uploadId, notify, failure)
  const found = findingsChange(findings)
  const update = {
    UpdateExpression: `SET #status = :failed, failure = :failure, updatedAt = :now${set}${owed.set}${found.set} REMOVE outboxPartition, outboxClaimedUntil${remove}${found.remove}`,
    ConditionExpression: `${HAS_SOURCE} AND NOT #status IN (:processed, :deleted, :pending, :quarantined)`,
    ReturnValues: notify ? ('ALL_OLD' as const) : ('NONE' as const),
    ExpressionAttributeNames: { ...SOURCE_NAMES, ...owed.names, ...found.names, '#status': 'status' },
    ExpressionAttributeValues: {
      ...marshall({
        ...sourceValues(source),
        ':failed': 'failed',
        ':processed': 'processed',
        ':deleted': 'deleted',
        ':pending': 'pending',
        ':quarantined': 'quarantined',
        ':failure': failure,
        ':now': at,
      }),
      ...values,
      ...owed.values,
      ...found.values,
    },
  }
  return { update, changed: { ...found.changed, status: 'failed', updatedAt: at, failure } }
}

/** Returns the parts of an UpdateItem that set what a worker found. Without findings all are empty, so that earlier ones stay. */
export function findingsChange({ scan, sha256 }: Findings) {
  return {
    // `scan` is a reserved word of DynamoDB.
    set: `${scan ? ', #scan = :scan' : ''}${sha256 === undefined ? '' : ', sha256 = :sha256'}`,
    // The announced digest has been compared with the one that was found.
    remove: sha256 === undefined ? '' : ', announcedSha256',
    names: scan ? { '#scan': 'scan' } : {},
    values: marshall({ ':scan': scan, ':sha256': sha256 }, { removeUndefinedValues: true }),
    changed: { ...(scan && { scan }), ...(sha256 !== undefined && { sha256, announcedSha256: undefined }) },
  }
}
