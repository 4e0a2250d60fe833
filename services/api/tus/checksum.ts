import { createHash } from 'node:crypto'
import { ChecksumMismatchError, InvalidTusHeaderError } from './errors.ts'

/** The algorithms by their names in the protocol, with the length of their digests in bytes. Every server must support SHA-1. */
const algorithms: Readonly<Record<string, number>> = { sha1: 20, sha256: 32, sha512: 64, md5: 16 }

/** The value of `Tus-Checksum-Algorithm`. */
export const checksumAlgorithms = Object.keys(algorithms).join(',')

/** Compares the bytes of a request with the checksum that its client sent. */
export interface Checksum {
  add(chunk: Uint8Array): void
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
    throw new InvalidTusHeaderError(
      `The algorithm of the Upload-Checksum is not supported. Use one of ${checksumAlgorithms}.`,
    )
  }
  const expected = Buffer.from(value, 'base64')
  if (rest.length > 0 || expected.length !== length || expected.toString('base64') !== value) {
    throw new InvalidTusHeaderError(`The Upload-Checksum is not a ${name} digest in base64.`)
  }
  const hash = createHash(name)
  return {
    add: chunk => {
      hash.update(chunk)
    },
    verify: () => {
      if (hash.digest().equals(expected)) return
      throw new ChecksumMismatchError('The bytes do not match the Upload-Checksum. None of them was stored.')
    },
  }
}

/**
 * Rejects a checksum that is sent as a trailer. The extension checksum-trailer is not supported, and a checksum must not be ignored.
 *
 * @throws InvalidTusHeaderError if the header `Trailer` announces an Upload-Checksum
 */
export function checkNoTrailer(trailer: string | undefined): void {
  if (!/upload-checksum/i.test(trailer ?? '')) return
  throw new InvalidTusHeaderError('Send Upload-Checksum as a header. The extension checksum-trailer is not supported.')
}
