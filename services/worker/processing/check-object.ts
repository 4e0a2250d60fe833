import { processedKey } from '../../uploads/objects/keys.ts'
import { ForeignBucketError, UnusableKeyError } from '../errors.ts'

/** S3's limit on a key, in bytes of UTF-8. */
const MAX_KEY_BYTES = 1_024

/**
 * Checks the object that an event names before anything is read. Whoever can write to the stream chooses it, so it is
 * held to the one bucket of uploads and to keys that mean the same everywhere on their way.
 *
 * @throws ForeignBucketError, UnusableKeyError
 */
export function checkObject(object: { bucket: string; key: string }, uploadBucket: string): void {
  const { bucket, key } = object
  if (bucket !== uploadBucket) throw new ForeignBucketError('The event names a bucket that uploads do not lie in.')
  if (!key.isWellFormed()) throw new UnusableKeyError('The key is not well-formed Unicode.')
  // To S3 "." and ".." are names; to a proxy or client that tidies URLs they are a way to another key, or bucket.
  if (key.split('/').some(part => part === '.' || part === '..')) {
    throw new UnusableKeyError('The key has "." or ".." between its slashes.')
  }
  if (Buffer.byteLength(processedKey(key)) > MAX_KEY_BYTES) {
    throw new UnusableKeyError('The key is too long: the processed object could have no key.')
  }
}
