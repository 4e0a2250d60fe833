/** The requests that reached the sink since its start. */
export interface SinkCounts {
  /** Objects that were put into S3 in one request, and their bytes. */
  objects: number
  objectBytes: number
  /** Objects that were assembled from parts, and their bytes. */
  assembled: number
  assembledBytes: number
  /** Objects read from S3. */
  reads: number
  /** Items put into DynamoDB, and updates of items. */
  items: number
  updates: number
  /** Records that were put on the stream, by PutRecord or PutRecords. */
  records: number
  /** Notifications that were posted to the webhook. */
  notifications: number
  /** Requests that the sink does not support, and the last of them. */
  unknown: number
  lastUnknown: string
}

export interface SinkReply {
  status: number
  headers: Record<string, string>
  body: string
}

export const noCounts: Readonly<SinkCounts> = {
  objects: 0,
  objectBytes: 0,
  assembled: 0,
  assembledBytes: 0,
  reads: 0,
  items: 0,
  updates: 0,
  records: 0,
  notifications: 0,
  unknown: 0,
  lastUnknown: '',
}

/** Returns the counts of some work only: those after it minus those before it. */
export function difference(after: SinkCounts, before: SinkCounts): SinkCounts {
  const numbers = Object.entries(after).map(([name, value]) =>
    typeof value === 'number' ? [name, value - Number(before[name as keyof SinkCounts])] : [name, value],
  )
  return Object.fromEntries(numbers) as SinkCounts
}

export function unknownRequest(counts: SinkCounts, name: string): SinkReply {
  counts.unknown++
  counts.lastUnknown = name
  return { status: 501, headers: {}, body: '' }
}
