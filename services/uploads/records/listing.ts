import { type DynamoDBClient, QueryCommand } from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import { pages } from '../../platform/pages.ts'
import type { UploadRecord, UploadStatus } from './record.ts'
import { toRecord } from './to-record.ts'

export interface ListQuery {
  owner: string
  /** Only uploads of this status. */
  status?: UploadStatus | undefined
  /** Only uploads whose metadata has this value under this name. */
  metadata?: { name: string; value: string } | undefined
  /** Only uploads that are older than this id, whether the id exists or not. */
  before?: string | undefined
  /** Maximum number of uploads of a page. */
  limit: number
}

export interface UploadPage {
  /** Newest first. */
  uploads: UploadRecord[]
  /** `before` for the next page. Undefined if this page is the last. */
  next: string | undefined
}

/**
 * Lists the uploads of one owner, who is the partition that is read. A page may have fewer uploads than `limit`, or none, and still not be
 * the last one, because the number of records examined for a page is limited.
 */
export type ListUploads = (query: ListQuery) => Promise<UploadPage>

/** Maximum number of records examined for a page. A record that is filtered out costs as much as one that is returned. */
const MAX_EXAMINED = 1_000
const CHUNK = 250

export function createListUploads({ dynamodb, table }: { dynamodb: DynamoDBClient; table: string }): ListUploads {
  async function query({ owner, status, metadata, before, limit }: ListQuery) {
    const older = before === undefined ? '' : ' AND uploadId < :before'
    const {
      Items = [],
      ScannedCount = 0,
      LastEvaluatedKey,
    } = await dynamodb.send(
      new QueryCommand({
        TableName: table,
        KeyConditionExpression: `#owner = :owner${older}`,
        FilterExpression: `#status ${status === undefined ? '<>' : '='} :status${metadata ? ' AND metadata.#name = :value' : ''}`,
        ExpressionAttributeNames: {
          '#owner': 'owner',
          '#status': 'status',
          ...(metadata && { '#name': metadata.name }),
        },
        ExpressionAttributeValues: marshall(
          { ':owner': owner, ':before': before, ':status': status ?? 'deleted', ':value': metadata?.value },
          { removeUndefinedValues: true },
        ),
        ScanIndexForward: false,
        // An upload that was just accepted must be listed.
        ConsistentRead: true,
        Limit: limit,
      }),
    )
    const uploads = Items.map(item => toRecord(unmarshall(item)))
    return { uploads, examined: ScannedCount, last: LastEvaluatedKey?.uploadId?.S }
  }

  return async ({ owner, status, metadata, before, limit }) => {
    const isFiltered = status !== undefined || metadata !== undefined
    const uploads: UploadRecord[] = []
    let examined = 0
    let next: string | undefined
    const chunks = pages<Awaited<ReturnType<typeof query>>, string>({
      operation: 'Query',
      fetch(from) {
        // One more upload than the page has shows whether there is a next page.
        const wanted = limit + 1 - uploads.length
        const chunk = Math.min(isFiltered ? CHUNK : wanted, MAX_EXAMINED - examined)
        return query({ owner, status, metadata, before: from, limit: chunk })
      },
      next: ({ last }) => (uploads.length > limit || examined >= MAX_EXAMINED ? undefined : last),
      isAfter: (last, previous) => last < previous,
      from: before,
      maxPages: MAX_EXAMINED,
    })
    for await (const found of chunks) {
      uploads.push(...found.uploads)
      examined += found.examined
      next = found.last
    }
    if (uploads.length > limit) return { uploads: uploads.slice(0, limit), next: uploads[limit - 1]?.uploadId }
    return { uploads, next }
  }
}
