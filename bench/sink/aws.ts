/** What reached the sink, since it started. */
export interface SinkCounts {
  /** Objects put into S3, and their bytes. */
  objects: number
  objectBytes: number
  /** Items put into DynamoDB, and updates of items. */
  items: number
  updates: number
  /** Records put on the stream, one by one or together. */
  records: number
  /** Requests that the sink has no answer for. The last one of them is named. */
  unknown: number
  lastUnknown: string
}

export interface SinkRequest {
  method: string
  path: string
  /** `x-amz-target`, empty for S3. */
  target: string
  /** `x-amz-decoded-content-length`: the object's own bytes, where the body is chunked with its signatures or its checksum. */
  decodedLength: string | undefined
  body: Buffer
}

export interface SinkReply {
  status: number
  headers: Record<string, string>
  body: string
}

export const noCounts: Readonly<SinkCounts> = {
  objects: 0,
  objectBytes: 0,
  items: 0,
  updates: 0,
  records: 0,
  unknown: 0,
  lastUnknown: '',
}

/** Takes a request of the SDK as AWS would, keeps nothing but its count, and gives the shortest reply the SDK is content with. */
export function takeRequest(request: SinkRequest, counts: SinkCounts): SinkReply {
  const { method, path, target, body } = request
  switch (target) {
    case 'Kinesis_20131202.PutRecord':
      counts.records++
      return json(putResult(counts.records))
    case 'Kinesis_20131202.PutRecords': {
      const { Records } = JSON.parse(body.toString()) as { Records: unknown[] }
      const results = Records.map(() => putResult(++counts.records))
      return json({ FailedRecordCount: 0, Records: results })
    }
    case 'DynamoDB_20120810.PutItem':
      counts.items++
      return json({})
    case 'DynamoDB_20120810.UpdateItem':
      counts.updates++
      return json({})
    case 'DynamoDB_20120810.GetItem':
      return json({})
    // What a service looks for on its own, now and then, is never there.
    case 'DynamoDB_20120810.Query':
      return json({ Count: 0, Items: [] })
    case '':
      // An object, and not a bucket: `/bucket/key`.
      if (method !== 'PUT' || !/^\/[^/?]+\/[^?]/.test(path)) break
      counts.objects++
      counts.objectBytes += Number(request.decodedLength ?? body.length)
      return { status: 200, headers: { etag: '"0123456789abcdef0123456789abcdef"' }, body: '' }
  }
  counts.unknown++
  counts.lastUnknown = `${method} ${path} ${target}`.trim()
  return { status: 501, headers: {}, body: '' }
}

function putResult(number: number) {
  return { SequenceNumber: String(number).padStart(56, '0'), ShardId: 'shardId-000000000000' }
}

function json(value: unknown): SinkReply {
  return { status: 200, headers: { 'content-type': 'application/x-amz-json-1.1' }, body: JSON.stringify(value) }
}
