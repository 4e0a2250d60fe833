import { keyPrefixes } from '../../platform/resources.ts'
import { InvalidFilenameError } from '../errors.ts'
import { MAX_OUTPUT_NAME } from '../records/output-names.ts'
import { isUploadId } from '../records/upload-id.ts'

/** The prefix of every key of the default template. */
export const UPLOADS = keyPrefixes.uploads

/** `processedOther` is not under `processed`, where every key is that of an upload under `uploads/`, or of one of its outputs. */
const { processed: PROCESSED, processedOther: PROCESSED_OTHER } = keyPrefixes

/** The prefix of further outputs. No main output has it. */
const OUTPUTS = `${PROCESSED}outputs/`

/** S3's limit on a key, in bytes of UTF-8. */
const MAX_KEY_BYTES = 1024

export interface KeyParts {
  /** The `sub` of the token. */
  owner: string
  uploadId: string
  /** A name that `checkFilename` accepted. */
  filename: string
  /** The folders between `uploads/` and the rest of the key, without slashes around them. */
  prefix?: string | undefined
}

/**
 * Returns the key of an upload, by KEY_TEMPLATE.
 *
 * @throws InvalidFilenameError if the key of the upload or of an output would be longer than S3 allows
 */
export function uploadKey(template: string, { prefix, ...parts }: KeyParts): string {
  const rest = template
    .slice(UPLOADS.length)
    .replace(/\{(owner|uploadId|filename)\}/g, (_, part: keyof typeof parts) => parts[part])
  const key = `${UPLOADS}${prefix === undefined ? '' : `${prefix}/`}${rest}`
  const excess = Buffer.byteLength(outputsPrefix(key)) + MAX_OUTPUT_NAME - MAX_KEY_BYTES
  if (excess > 0) {
    const room = Buffer.byteLength(parts.filename) - excess
    throw new InvalidFilenameError(
      `The file name is longer than ${room} bytes: the keys of its outputs would exceed the limit of S3.`,
    )
  }
  return key
}

/**
 * Returns the key of an upload's main output: the upload's key with `processed/` instead of `uploads/`. To process an upload again
 * overwrites the same object. A key that is not under `uploads/` is kept as a whole under `processed-other/`, and so is one that would
 * be among further outputs. No two uploads share a key.
 */
export function processedKey(key: string): string {
  const place = key.startsWith(UPLOADS) ? PROCESSED + key.slice(UPLOADS.length) : undefined
  return place === undefined || place.startsWith(OUTPUTS) ? PROCESSED_OTHER + key : place
}

/**
 * Returns the prefix of an upload's further outputs, whose keys are `processed/outputs/{key of the upload}/{name}`. A name has no slash,
 * so no two outputs share a key.
 */
export function outputsPrefix(key: string): string {
  return `${OUTPUTS}${key}/`
}

/**
 * Returns true if the object under a key can only belong to this upload, because a segment of the key is the upload's id. That is so
 * with the default template, and not with a flat one.
 */
export function isOwnKey({ key, uploadId }: { key: string; uploadId: string }): boolean {
  return key.split('/').slice(0, -1).includes(uploadId)
}

/** Returns the owner and id in a key of the default template, with any folders before the owner. Undefined for another key. */
export function ownerOfKey(key: string): { owner: string; uploadId: string } | undefined {
  if (!key.startsWith(UPLOADS)) return undefined
  // A file name has no slash.
  const [owner, uploadId, filename] = key.slice(UPLOADS.length).split('/').slice(-3)
  if (!owner || !uploadId || !filename) return undefined
  return isUploadId(uploadId) ? { owner, uploadId } : undefined
}
