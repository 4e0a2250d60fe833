import { createHash } from 'node:crypto'

export interface UserRecord {
  key: string
  data: Uint8Array
  hashKey?: string
  tags?: ReadonlyArray<readonly [key: string, value: string]>
}

/** Returns an aggregated record as the Kinesis Producer Library writes it. */
export function aggregate(records: readonly UserRecord[]): Buffer {
  return seal(aggregateMessage(records))
}

/** Adds the magic number before a protobuf message and its digest after it. */
export function seal(message: Uint8Array): Buffer {
  const digest = createHash('md5').update(message).digest()
  return Buffer.concat([Buffer.from([0xf3, 0x89, 0x9a, 0xc2]), message, digest])
}

export function aggregateMessage(records: readonly UserRecord[]): Buffer {
  const keys = [...new Set(records.map(({ key }) => key))]
  const hashKeys = [...new Set(records.flatMap(({ hashKey }) => (hashKey === undefined ? [] : [hashKey])))]
  return Buffer.concat([
    ...keys.map(key => bytesField(1, Buffer.from(key))),
    ...hashKeys.map(key => bytesField(2, Buffer.from(key))),
    ...records.map(({ key, hashKey, data, tags = [] }) =>
      bytesField(
        3,
        Buffer.concat([
          numberField(1, keys.indexOf(key)),
          hashKey === undefined ? Buffer.alloc(0) : numberField(2, hashKeys.indexOf(hashKey)),
          bytesField(3, data),
          ...tags.map(([name, value]) =>
            bytesField(4, Buffer.concat([bytesField(1, Buffer.from(name)), bytesField(2, Buffer.from(value))])),
          ),
        ]),
      ),
    ),
  ])
}

export function numberField(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)])
}

export function bytesField(field: number, value: Uint8Array): Buffer {
  return Buffer.concat([varint(field * 8 + 2), varint(value.byteLength), value])
}

export function varint(value: number): Buffer {
  const bytes: number[] = []
  let left = BigInt(value)
  for (; left >= 0x80n; left >>= 7n) bytes.push(Number(left & 0x7fn) | 0x80)
  return Buffer.from([...bytes, Number(left)])
}

/** Returns a generator of numbers in [0, 1) that are the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
