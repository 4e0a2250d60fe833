import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { crc32 } from 'node:zlib'
import { CRC32, CRC32C, CRC64NVME, Crc, type CrcKind, combineCrcs } from './crc.ts'
import { S3Error } from './errors.ts'

export type Algorithm = 'CRC32' | 'CRC32C' | 'CRC64NVME' | 'SHA1' | 'SHA256'

/** FULL_OBJECT: of the bytes of the object. COMPOSITE: of the checksums of its parts, followed by their number. */
export type ChecksumType = 'FULL_OBJECT' | 'COMPOSITE'

export interface Checksum {
  algorithm: Algorithm
  /** As in the header: base64, and for a composite checksum `-` and the number of parts. */
  value: string
  type: ChecksumType
}

interface Kind {
  /** The length in bytes. */
  bytes: number
  /** Left out: a cryptographic digest, which cannot be combined from those of parts. */
  crc?: CrcKind
}

const kinds: Readonly<Record<Algorithm, Kind>> = {
  CRC32: { bytes: 4, crc: CRC32 },
  CRC32C: { bytes: 4, crc: CRC32C },
  CRC64NVME: { bytes: 8, crc: CRC64NVME },
  SHA1: { bytes: 20 },
  SHA256: { bytes: 32 },
}

const ALGORITHMS = Object.keys(kinds) as Algorithm[]

/** The checksum that S3 computes if the client sends none. */
export const DEFAULT_ALGORITHM: Algorithm = 'CRC64NVME'

/** A digest that is computed while bytes pass. */
export interface RunningDigest {
  update(bytes: Buffer): unknown
  digest(): Buffer
}

export function createDigest(algorithm: Algorithm): RunningDigest {
  if (algorithm === 'CRC32') return new NativeCrc32()
  const { crc } = kinds[algorithm]
  return crc ? new Crc(crc) : createHash(algorithm)
}

class NativeCrc32 implements RunningDigest {
  #value = 0

  update(bytes: Buffer): void {
    this.#value = crc32(bytes, this.#value)
  }

  digest(): Buffer {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(this.#value)
    return bytes
  }
}

export function headerOf(algorithm: Algorithm): string {
  return `x-amz-checksum-${algorithm.toLowerCase()}`
}

/** Returns the response headers of a checksum. */
export function checksumHeaders(checksum: Checksum | undefined): Record<string, string> {
  if (!checksum) return {}
  return { [headerOf(checksum.algorithm)]: checksum.value, 'x-amz-checksum-type': checksum.type }
}

/**
 * Returns the checksum in headers or trailers, if there is one.
 *
 * @throws S3Error InvalidRequest if there are several, or it has the wrong length
 */
export function findChecksum(headers: IncomingHttpHeaders): { algorithm: Algorithm; value: string } | undefined {
  const [found, second] = ALGORITHMS.filter(algorithm => headers[headerOf(algorithm)] !== undefined)
  if (second !== undefined) {
    throw new S3Error(
      'InvalidRequest',
      'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    )
  }
  if (found === undefined) return undefined
  const value = String(headers[headerOf(found)])
  // The checksum of a whole object may be a composite one, when an upload is completed.
  const [digest = ''] = value.split('-')
  if (Buffer.from(digest, 'base64').length !== kinds[found].bytes) {
    throw new S3Error('InvalidRequest', `Value for ${headerOf(found)} header is invalid.`)
  }
  return { algorithm: found, value }
}

/**
 * Returns the algorithm that a request names in a header such as `x-amz-checksum-algorithm`.
 *
 * @throws S3Error InvalidRequest if S3 does not have it
 */
export function parseAlgorithm(text: string | undefined): Algorithm | undefined {
  if (text === undefined) return undefined
  const algorithm = ALGORITHMS.find(one => one === text.toUpperCase())
  if (algorithm) return algorithm
  throw new S3Error(
    'InvalidRequest',
    `Checksum algorithm provided is unsupported. Please try again with any of the valid types: [${ALGORITHMS.join(', ')}]`,
  )
}

/**
 * Returns the type of the checksum of a multipart upload: the one that the client asks for, or the default of the algorithm.
 *
 * @throws S3Error InvalidRequest if the algorithm does not have the type
 */
export function typeOf(algorithm: Algorithm, asked: string | undefined): ChecksumType {
  const isCrc = kinds[algorithm].crc !== undefined
  const type = asked?.toUpperCase() ?? (algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE')
  if (type === 'COMPOSITE' && algorithm !== 'CRC64NVME') return type
  if (type === 'FULL_OBJECT' && isCrc) return type
  throw new S3Error(
    'InvalidRequest',
    `The ${asked} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`,
  )
}

/** Returns the checksum of an object from those of its parts. */
export function checksumOfParts(
  algorithm: Algorithm,
  type: ChecksumType,
  parts: readonly { checksum: string; size: number }[],
): Checksum {
  const digests = parts.map(({ checksum, size }) => ({ digest: Buffer.from(checksum, 'base64'), size }))
  const { crc } = kinds[algorithm]
  if (type === 'FULL_OBJECT' && crc) {
    let whole: Buffer = Buffer.alloc(crc.bits / 8)
    for (const { digest, size } of digests) whole = combineCrcs(crc, whole, digest, size)
    return { algorithm, value: whole.toString('base64'), type }
  }
  const running = createDigest(algorithm)
  for (const { digest } of digests) running.update(digest)
  return { algorithm, value: `${running.digest().toString('base64')}-${parts.length}`, type }
}
