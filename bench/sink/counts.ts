/** What reached the sink, since it started. */
export interface SinkCounts {
  /** Objects put into S3 whole, and their bytes. */
  objects: number
  objectBytes: number
  /** Objects made of parts, and their bytes. */
  assembled: number
  assembledBytes: number
  /** Objects read from S3. */
  reads: number
  /** Items put into DynamoDB, and updates of items. */
  items: number
  updates: number
  /** Records put on the stream, one by one or together. */
  records: number
  /** Requests that the sink has no answer for. The last one of them is named. */
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
  unknown: 0,
  lastUnknown: '',
}

/** What came of some work: numbers are of it alone. */
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
