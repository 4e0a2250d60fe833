import { keyPrefixes } from '../platform/resources.ts'
import { InvalidFilenameError } from './errors.ts'

/** `processedOther` is not under `processed`: every key there is that of a key under `uploads`. */
const { uploads: UPLOADS, processed: PROCESSED, processedOther: PROCESSED_OTHER } = keyPrefixes

/** S3's limit on a key, in bytes of UTF-8. */
const MAX_KEY_BYTES = 1024

export interface KeyParts {
  /** The `sub` of the token. */
  owner: string
  uploadId: string
  /** A name that `checkFilename` has let pass. */
  filename: string
}

/**
 * The key of an upload, by the template of the configuration.
 *
 * @throws InvalidFilenameError when the upload or what is processed from it would have a key longer than S3 takes
 */
export function uploadKey(template: string, parts: KeyParts): string {
  const key = template.replace(/\{(owner|uploadId|filename)\}/g, (_, part: keyof KeyParts) => parts[part])
  const excess = Buffer.byteLength(processedKey(key)) - MAX_KEY_BYTES
  if (excess > 0) {
    const room = Buffer.byteLength(parts.filename) - excess
    throw new InvalidFilenameError(`The file name is longer than ${room} bytes: its object could have no key.`)
  }
  return key
}

/**
 * Where the processed object of an upload lies: the same key under `processed/` in place of `uploads/`, so that doing it
 * twice writes it once. A key that is not under `uploads/` keeps all of itself, under `processed-other/`. No two keys share
 * a place.
 */
export function processedKey(key: string): string {
  return key.startsWith(UPLOADS) ? PROCESSED + key.slice(UPLOADS.length) : PROCESSED_OTHER + key
}

/**
 * Whether the object under a key can be of no other upload: it has the id between its slashes, as the default template puts it
 * there. Not so with a flat one.
 */
export function isOwnKey({ key, uploadId }: { key: string; uploadId: string }): boolean {
  return key.split('/').slice(0, -1).includes(uploadId)
}
