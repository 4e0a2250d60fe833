import { hash } from 'node:crypto'
import { BYTES, MalformedMessage, ProtobufReader, VARINT } from './protobuf.ts'

const MAGIC = [0xf3, 0x89, 0x9a, 0xc2] as const
const DIGEST_BYTES = 16

/** One user record inside an aggregated record. `data` is a view of the bytes of the aggregate. */
export interface SubRecord {
  readonly data: Uint8Array
  readonly partitionKey: string
  readonly explicitHashKey: string | undefined
}

/**
 * An aggregated record of the Kinesis Producer Library (KPL), fully validated. Its user records are created on access.
 */
export interface Aggregate {
  readonly count: number
  /** @throws RangeError if the index is not below `count` */
  at(index: number): SubRecord
}

/** Returns true if the bytes start like an aggregated record. Called for every record; costs four comparisons. */
export function looksAggregated(data: Uint8Array): boolean {
  return (
    data[0] === MAGIC[0] &&
    data[1] === MAGIC[1] &&
    data[2] === MAGIC[2] &&
    data[3] === MAGIC[3] &&
    data.byteLength > MAGIC.length + DIGEST_BYTES
  )
}

/**
 * Reads the format of the KPL: a magic number, a protobuf `AggregatedRecord`, and the MD5 digest of that protobuf.
 *
 * @returns undefined for anything else: no magic number, a wrong digest, an invalid protobuf, a record without a key
 *   or data or with a key that is not in the tables, or no record at all. Such bytes are a plain record and must not be
 *   lost
 */
export function readAggregate(data: Uint8Array): Aggregate | undefined {
  if (!looksAggregated(data)) return undefined
  const message = data.subarray(MAGIC.length, data.byteLength - DIGEST_BYTES)
  const digest = Buffer.from(data.buffer, data.byteOffset + data.byteLength - DIGEST_BYTES, DIGEST_BYTES)
  if (!digest.equals(hash('md5', message, 'buffer'))) return undefined
  try {
    return readMessage(message)
  } catch (error) {
    if (error instanceof MalformedMessage) return undefined
    throw error
  }
}

// message AggregatedRecord { repeated string partition_key_table = 1; repeated string explicit_hash_key_table = 2;
// repeated Record records = 3; }
const PARTITION_KEY = (1 << 3) | BYTES
const EXPLICIT_HASH_KEY = (2 << 3) | BYTES
const RECORD = (3 << 3) | BYTES

/** Numbers per record: the indexes of its two keys, and the start and end of its data. */
const STRIDE = 4
const NO_KEY = -1

function readMessage(message: Uint8Array): Aggregate | undefined {
  const text = Buffer.from(message.buffer, message.byteOffset, message.byteLength)
  const partitionKeys: string[] = []
  const explicitHashKeys: string[] = []
  const places: number[] = []
  const reader = new ProtobufReader(message)
  while (!reader.isAtEnd) {
    const tag = reader.tag()
    if (tag !== PARTITION_KEY && tag !== EXPLICIT_HASH_KEY && tag !== RECORD) {
      reader.skipField(tag)
      continue
    }
    const start = reader.skipBytes()
    if (tag === RECORD) readRecord(new ProtobufReader(message, start, reader.position), places)
    else (tag === PARTITION_KEY ? partitionKeys : explicitHashKeys).push(text.toString('utf8', start, reader.position))
  }
  // The tables may follow the records that refer to them.
  for (let i = 0; i < places.length; i += STRIDE) {
    if (Number(places[i]) >= partitionKeys.length || Number(places[i + 1]) >= explicitHashKeys.length) return undefined
  }
  const count = places.length / STRIDE
  return count === 0 ? undefined : { count, at }

  function at(index: number): SubRecord {
    const [key = NO_KEY, hashKey = NO_KEY, start, end] = places.slice(index * STRIDE, (index + 1) * STRIDE)
    const partitionKey = partitionKeys[key]
    if (partitionKey === undefined)
      throw new RangeError(`The aggregate has ${count} records, and none at the index ${index}.`)
    return { data: message.subarray(start, end), partitionKey, explicitHashKey: explicitHashKeys[hashKey] }
  }
}

// message Record { required uint64 partition_key_index = 1; optional uint64 explicit_hash_key_index = 2;
//   required bytes data = 3; repeated Tag tags = 4; }
const PARTITION_KEY_INDEX = (1 << 3) | VARINT
const EXPLICIT_HASH_KEY_INDEX = (2 << 3) | VARINT
const DATA = (3 << 3) | BYTES

function readRecord(reader: ProtobufReader, places: number[]): void {
  let key = NO_KEY
  let hashKey = NO_KEY
  let start = -1
  let end = -1
  while (!reader.isAtEnd) {
    const tag = reader.tag()
    if (tag === PARTITION_KEY_INDEX) key = reader.varint()
    else if (tag === EXPLICIT_HASH_KEY_INDEX) hashKey = reader.varint()
    else if (tag === DATA) {
      start = reader.skipBytes()
      end = reader.position
    } else reader.skipField(tag)
  }
  if (key === NO_KEY || start < 0) throw new MalformedMessage('a record without a key or without data')
  places.push(key, hashKey, start, end)
}
