import { hash } from 'node:crypto'

/** What reached the sink, since it started. */
export interface SinkCounts {
  /** Objects put into S3, and their bytes. */
  objects: number
  objectBytes: number
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
  reads: 0,
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
      return json({ Items: [], Count: 0, ScannedCount: 0 })
    case '':
      if (method === 'HEAD') return { status: 200, headers: {}, body: '' }
      // An object, and not a bucket: `/bucket/key`.
      if (!/^\/[^/?]+\/[^?]/.test(path)) break
      if (method === 'GET') {
        counts.reads++
        return readUpload(path)
      }
      if (method !== 'PUT') break
      counts.objects++
      counts.objectBytes += Number(request.decodedLength ?? body.length)
      return { status: 200, headers: { etag: ETAG }, body: '' }
  }
  counts.unknown++
  counts.lastUnknown = `${method} ${path} ${target}`.trim()
  return { status: 501, headers: {}, body: '' }
}

const ETAG = '"0123456789abcdef0123456789abcdef"'
/** Text, without a character that JSON would have to escape. */
export const CONTENT = 'hello kinesis '.repeat(300).slice(0, 4_096)
const CHECKSUM = hash('sha256', CONTENT, 'base64')

/** The object of an upload as S3 gives it that has been put by the api: with its checksum, and with whose it is. */
function readUpload(path: string): SinkReply {
  const [, , , owner = '', uploadId = '', filename = ''] = (path.split('?')[0] ?? '').split('/')
  const headers = {
    'content-type': 'text/plain',
    etag: ETAG,
    'last-modified': 'Mon, 23 Nov 2026 10:00:00 GMT',
    'accept-ranges': 'bytes',
    'x-amz-checksum-sha256': CHECKSUM,
    'x-amz-checksum-type': 'FULL_OBJECT',
    'x-amz-meta-owner': owner,
    'x-amz-meta-upload-id': uploadId,
    'x-amz-meta-filename': filename,
  }
  return { status: 200, headers, body: CONTENT }
}

function putResult(number: number) {
  return { SequenceNumber: String(number).padStart(56, '0'), ShardId: 'shardId-000000000000' }
}

function json(value: unknown): SinkReply {
  return { status: 200, headers: { 'content-type': 'application/x-amz-json-1.1' }, body: JSON.stringify(value) }
}
