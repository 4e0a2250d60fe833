import { keyPrefixes } from '../../platform/resources.ts'
import { InvalidFilenameError } from '../errors.ts'
import { isUploadId } from '../records/upload-id.ts'

/** What every key of the default template begins with. */
export const UPLOADS = keyPrefixes.uploads

/** `processedOther` is not under `processed`: every key there is that of a key under `uploads`, or of its further outputs. */
const { processed: PROCESSED, processedOther: PROCESSED_OTHER } = keyPrefixes

/** What no processed object's own key begins with. */
const OUTPUTS = `${PROCESSED}outputs/`

/** S3's limit on a key, in bytes of UTF-8. */
const MAX_KEY_BYTES = 1024

/** The longest name of an output, in characters, which are ASCII. */
export const MAX_OUTPUT_NAME = 64

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
 * @throws InvalidFilenameError when the upload or anything that is made of it would have a key longer than S3 takes
 */
export function uploadKey(template: string, parts: KeyParts): string {
  const key = template.replace(/\{(owner|uploadId|filename)\}/g, (_, part: keyof KeyParts) => parts[part])
  const excess = Buffer.byteLength(outputsPrefix(key)) + MAX_OUTPUT_NAME - MAX_KEY_BYTES
  if (excess > 0) {
    const room = Buffer.byteLength(parts.filename) - excess
    throw new InvalidFilenameError(`The file name is longer than ${room} bytes: what is made of it could have no key.`)
  }
  return key
}

/**
 * Where the processed object of an upload lies: the same key under `processed/` in place of `uploads/`, so that doing it
 * twice writes it once. A key that is not under `uploads/` keeps all of itself, under `processed-other/`; so does one whose
 * place would be among further outputs. No two keys share a place.
 */
export function processedKey(key: string): string {
  const place = key.startsWith(UPLOADS) ? PROCESSED + key.slice(UPLOADS.length) : undefined
  return place === undefined || place.startsWith(OUTPUTS) ? PROCESSED_OTHER + key : place
}

/**
 * Where an upload's further outputs lie, each under its name: `processed/outputs/{key of the upload}/{name}`. A name has no
 * slash, so that what comes before the last one is the upload's key, and no two outputs share a place.
 */
export function outputsPrefix(key: string): string {
  return `${OUTPUTS}${key}/`
}

/**
 * Whether the object under a key can be of no other upload: it has the id between its slashes, as the default template puts it
 * there. Not so with a flat one.
 */
export function isOwnKey({ key, uploadId }: { key: string; uploadId: string }): boolean {
  return key.split('/').slice(0, -1).includes(uploadId)
}

/** Whose upload a key of the default template is of, by the key alone. Undefined where it is another key. */
export function ownerOfKey(key: string): { owner: string; uploadId: string } | undefined {
  const [folder, owner, uploadId, filename, ...rest] = key.split('/')
  if (`${folder}/` !== UPLOADS || !owner || !uploadId || !filename || rest.length > 0) return undefined
  return isUploadId(uploadId) ? { owner, uploadId } : undefined
}
