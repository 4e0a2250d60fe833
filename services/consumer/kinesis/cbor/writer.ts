/** Encodes `{ ShardIterator, Limit }` in CBOR, the whole request of GetRecords. */
export function encodeRecordsRequest(iterator: string, limit: number): Buffer {
  const text = Buffer.from(iterator)
  return Buffer.concat([HEAD, head(3, text.length), text, LIMIT, head(0, limit)])
}

const key = (name: string) => Buffer.concat([head(3, name.length), Buffer.from(name)])
const HEAD = Buffer.concat([head(5, 2), key('ShardIterator')])
const LIMIT = key('Limit')

/** Encodes the head of a value: its major type, and its length, or for a number the number itself. */
function head(major: number, argument: number): Buffer {
  if (argument < 24) return Buffer.of((major << 5) | argument)
  const bytes = Buffer.alloc(5, (major << 5) | 26)
  bytes.writeUInt32BE(argument, 1)
  return bytes
}
