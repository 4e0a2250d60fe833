import { createHash } from 'node:crypto'
import { DigestMismatchError } from '../errors.ts'

/** Finds the SHA-256 of an object while a transform reads it, and compares it with the announced one. */
export interface DigestCheck {
  /** The bytes of the object, for the transform. */
  content: AsyncIterable<Uint8Array>
  /**
   * Resolves to the digest, in lower-case hex. Await it before an output is complete, because no output of a wrong file may be kept.
   * If the transform has not read the object to its end, the object is read a second time.
   *
   * @throws DigestMismatchError, and the errors of reading the object
   */
  verify(): Promise<string>
  /** The digest, in lower-case hex, also if it is not the announced one. Undefined before `verify` has found it. */
  readonly sha256: string | undefined
}

export interface DigestCheckSettings {
  /** The bytes of the object. */
  content: AsyncIterable<Uint8Array>
  /** The digest that the client announced. Undefined: any digest is right. */
  announced: string | undefined
  /** Reads all bytes of the same object, from the beginning. */
  readAgain: () => AsyncIterable<Uint8Array>
}

export function createDigestCheck({ content, announced, readAgain }: DigestCheckSettings): DigestCheck {
  const hash = createHash('sha256')
  let isRead = false
  let found: Promise<string> | undefined
  let sha256: string | undefined

  async function* hashed(): AsyncGenerator<Uint8Array> {
    for await (const chunk of content) {
      hash.update(chunk)
      yield chunk
    }
    isRead = true
  }

  async function findDigest(): Promise<string> {
    if (isRead) return hash.digest('hex')
    const whole = createHash('sha256')
    for await (const chunk of readAgain()) whole.update(chunk)
    return whole.digest('hex')
  }

  return {
    content: hashed(),
    async verify() {
      found ??= findDigest()
      sha256 = await found
      if (announced !== undefined && sha256 !== announced) {
        throw new DigestMismatchError(`The file that arrived has the SHA-256 ${sha256}. Announced was ${announced}.`)
      }
      return sha256
    },
    get sha256() {
      return sha256
    },
  }
}
