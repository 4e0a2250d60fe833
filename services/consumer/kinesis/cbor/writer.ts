/** Encodes `{ ShardIterator, Limit, StreamARN }` in CBOR, the whole request of GetRecords. `StreamARN` is optional. */
export function encodeRecordsRequest(iterator: string, limit: number, streamArn?: string): Buffer {
  const arn = streamArn === undefined ? [] : [STREAM_ARN, text(streamArn)]
  return Buffer.concat([head(5, 2 + arn.length / 2), ITERATOR, text(iterator), LIMIT, head(0, limit), ...arn])
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([head(3, bytes.length), bytes])
}

const ITERATOR = text('ShardIterator')
const LIMIT = text('Limit')
const STREAM_ARN = text('StreamARN')

/** Encodes the head of a value: its major type, and its length, or for a number the number itself. */
function head(major: number, argument: number): Buffer {
  if (argument < 24) return Buffer.of((major << 5) | argument)
  const bytes = Buffer.alloc(5, (major << 5) | 26)
  bytes.writeUInt32BE(argument, 1)
  return bytes
}
