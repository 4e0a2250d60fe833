import {
  type AttributeValue,
  type DynamoDBClient,
  QueryCommand,
  type QueryCommandOutput,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import { pages } from '../../platform/pages.ts'
import { type NewNotification, owedChange, reportOwed } from '../notifications/owed.ts'
import { conditionally, unlessRefused } from './conditional-write.ts'
import { findingsChange, HAS_SOURCE, SOURCE_NAMES, sourceValues } from './final-status.ts'
import {
  type ObjectRef,
  OUTBOX_PARTITIONS,
  outboxPartition,
  outboxPartitionNumber,
  type ScanReport,
  type UploadFailure,
  type UploadRecord,
} from './record.ts'
import { itemKey, type UploadKey } from './store.ts'
import { toRecord } from './to-record.ts'
import { type Trail, trailChange } from './trail.ts'

/** The end of an upload in which the scanner found malware. */
export interface Quarantine {
  source: ObjectRef
  failure: UploadFailure
  scan: ScanReport
  trail?: Trail | undefined
  notify?: NewNotification | undefined
}

/** The records of uploads that are scanned. */
export interface QuarantineStore {
  /** Changes `stored` or `queued` to `scanning`. Changes nothing if the upload has another status or another object. */
  markScanning(key: UploadKey, source: ObjectRef, signal?: AbortSignal): Promise<void>
  /**
   * Changes the status to `quarantined`, from any status except `pending` and `deleted`. An upload that was processed by older signatures
   * loses its outputs in the record. Resolves to false if that is refused, if the upload's object is not `source`, or if an operator has
   * released the upload.
   */
  markQuarantined(key: UploadKey, quarantine: Quarantine): Promise<boolean>
  /** Lists all quarantined uploads, those of a partition from the oldest to the newest. */
  list(): AsyncGenerator<UploadRecord>
  /**
   * Changes `quarantined` to `stored` and sets the outbox mark, so that a relay publishes the event. The worker does not scan the file
   * again. Resolves to false if the upload is not quarantined.
   *
   * @param by who released it, for the record
   */
  release(key: UploadKey, by: string): Promise<boolean>
}

/**
 * The marks of quarantined uploads are in partitions of their own in the index `outbox`, which no relay reads. So an operator can list
 * these uploads, and the table needs no further index.
 */
const quarantinePartition = (index: number) => `quarantine-${index}`

/** Maximum length of the name of an operator, in UTF-16 units. */
const MAX_OPERATOR = 255

export function createQuarantineStore({
  dynamodb,
  table,
  now = () => new Date(),
}: {
  dynamodb: DynamoDBClient
  table: string
  now?: () => Date
}): QuarantineStore {
  function update(
    key: UploadKey,
    change: Omit<UpdateItemCommandInput, 'TableName' | 'Key'>,
    abortSignal?: AbortSignal,
  ): Promise<boolean> {
    const command = new UpdateItemCommand({ TableName: table, Key: itemKey(key), ...change })
    return conditionally(() => dynamodb.send(command, abortSignal && { abortSignal }))
  }

  return {
    async markScanning(key, source, signal) {
      await update(
        key,
        {
          UpdateExpression: 'SET #status = :scanning, updatedAt = :now REMOVE outboxPartition, outboxClaimedUntil',
          ConditionExpression: `${HAS_SOURCE} AND #status IN (:stored, :queued)`,
          ExpressionAttributeNames: { ...SOURCE_NAMES, '#status': 'status' },
          ExpressionAttributeValues: marshall({
            ...sourceValues(source),
            ':scanning': 'scanning',
            ':stored': 'stored',
            ':queued': 'queued',
            ':now': now().toISOString(),
          }),
        },
        signal,
      )
    },

    async markQuarantined(key, { source, failure, scan: report, trail, notify }) {
      const at = now().toISOString()
      const { set, remove, values } = trailChange(trail)
      const owed = owedChange(key.uploadId, notify, failure)
      const found = findingsChange({ scan: report })
      const command = new UpdateItemCommand({
        TableName: table,
        Key: itemKey(key),
        UpdateExpression: `SET #status = :quarantined, failure = :failure, updatedAt = :now, outboxPartition = :partition${found.set}${set}${owed.set} REMOVE outboxClaimedUntil, #processed, #outputs, #transform${remove}`,
        ConditionExpression: `${HAS_SOURCE} AND NOT #status IN (:deleted, :pending) AND NOT #scan.verdict = :released`,
        ReturnValues: notify ? 'ALL_OLD' : 'NONE',
        ExpressionAttributeNames: {
          ...SOURCE_NAMES,
          ...owed.names,
          '#status': 'status',
          '#scan': 'scan',
          '#processed': 'processed',
          '#outputs': 'outputs',
          '#transform': 'transform',
        },
        ExpressionAttributeValues: {
          ...marshall({
            ...sourceValues(source),
            ':quarantined': 'quarantined',
            ':deleted': 'deleted',
            ':pending': 'pending',
            ':released': 'released',
            ':failure': failure,
            ':partition': quarantinePartition(outboxPartitionNumber(key.uploadId)),
            ':now': at,
          }),
          ...found.values,
          ...values,
          ...owed.values,
        },
      })
      const reply = await unlessRefused(() => dynamodb.send(command))
      if (!reply) return false
      const gone = { processed: undefined, outputs: undefined, transform: undefined }
      const changed = { ...gone, ...found.changed, status: 'quarantined', updatedAt: at, failure }
      if (notify) reportOwed(notify, unmarshall(reply.Attributes ?? {}), changed, toRecord)
      return true
    },

    async *list() {
      for (let index = 0; index < OUTBOX_PARTITIONS; index++) {
        const query = {
          TableName: table,
          IndexName: 'outbox',
          KeyConditionExpression: 'outboxPartition = :partition',
          ExpressionAttributeValues: marshall({ ':partition': quarantinePartition(index) }),
        }
        const listing = pages<QueryCommandOutput, Record<string, AttributeValue>>({
          operation: 'Query',
          fetch: marker => dynamodb.send(new QueryCommand({ ...query, ...(marker && { ExclusiveStartKey: marker }) })),
          next: ({ LastEvaluatedKey }) => LastEvaluatedKey,
        })
        for await (const { Items = [] } of listing) yield* Items.map(item => toRecord(unmarshall(item)))
      }
    },

    release(key, by) {
      const at = now().toISOString()
      return update(key, {
        UpdateExpression:
          'SET #status = :stored, updatedAt = :now, outboxPartition = :partition, #scan.verdict = :released, #scan.releasedBy = :by, #scan.releasedAt = :now REMOVE failure, outboxClaimedUntil',
        ConditionExpression: '#status = :quarantined',
        ExpressionAttributeNames: { '#status': 'status', '#scan': 'scan' },
        ExpressionAttributeValues: marshall({
          ':stored': 'stored',
          ':quarantined': 'quarantined',
          ':released': 'released',
          ':by': by.slice(0, MAX_OPERATOR).toWellFormed(),
          ':partition': outboxPartition(key.uploadId),
          ':now': at,
        }),
      })
    },
  }
}
