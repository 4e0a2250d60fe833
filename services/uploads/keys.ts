import { InvalidFilenameError } from './errors.ts'

const UPLOADS = 'uploads/'
const PROCESSED = 'processed/'

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
  if (excess > 0) throw new InvalidFilenameError(`The file name is ${excess} bytes too long for a key of S3.`)
  return key
}

/** Where the processed object of an upload lies: the same key under `processed/`, so that doing it twice writes it once. */
export function processedKey(key: string): string {
  return PROCESSED + (key.startsWith(UPLOADS) ? key.slice(UPLOADS.length) : key)
}
