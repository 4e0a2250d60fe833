import { createHash } from 'node:crypto'
import { ChecksumMismatchError, InvalidTusHeaderError } from './errors.ts'

/** By their names in the protocol, with the length of their digests in bytes. Every server must take SHA-1. */
const algorithms: Readonly<Record<string, number>> = { sha1: 20, sha256: 32, sha512: 64, md5: 16 }

/** The value of `Tus-Checksum-Algorithm`. */
export const checksumAlgorithms = Object.keys(algorithms).join(',')

/** Compares the bytes of a request with what its client has computed of them. */
export interface Checksum {
  take(chunk: Uint8Array): void
  /** @throws ChecksumMismatchError */
  verify(): void
}

/**
 * Reads an `Upload-Checksum`: the name of an algorithm and a digest in base64.
 *
 * @throws InvalidTusHeaderError
 */
export function parseChecksum(header: string): Checksum {
  const [algorithm = '', value = '', ...rest] = header.split(' ')
  const name = algorithm.toLowerCase()
  const length = Object.hasOwn(algorithms, name) ? algorithms[name] : undefined
  if (length === undefined) {
    throw new InvalidTusHeaderError(`The Upload-Checksum is by none of the algorithms ${checksumAlgorithms}.`)
  }
  const expected = Buffer.from(value, 'base64')
  if (rest.length > 0 || expected.length !== length || expected.toString('base64') !== value) {
    throw new InvalidTusHeaderError(`The Upload-Checksum has no ${name} digest in base64.`)
  }
  const hash = createHash(name)
  return {
    take: chunk => {
      hash.update(chunk)
    },
    verify: () => {
      if (hash.digest().equals(expected)) return
      throw new ChecksumMismatchError('The bytes are not those of the Upload-Checksum. None of them was kept.')
    },
  }
}

/**
 * The extension checksum-trailer is not served: passed over, nobody would know that the bytes are others.
 *
 * @throws InvalidTusHeaderError where the header `Trailer` says that the checksum will come behind the body
 */
export function checkNoTrailer(trailer: string | undefined): void {
  if (!/upload-checksum/i.test(trailer ?? '')) return
  throw new InvalidTusHeaderError('Send Upload-Checksum before the body: the extension checksum-trailer is not served.')
}
