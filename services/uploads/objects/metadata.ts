/** What an upload's object says of itself, so that it can be told whose it is without its record. */
export interface UploadMetadata {
  uploadId: string
  owner: string
  filename: string
  /** The client gave no name, and `filename` is made up. */
  filenameGenerated?: boolean | undefined
}

/**
 * S3 takes 2 KB of metadata, names included. Percent-encoding makes three bytes of one, and a name may have over 900: one that
 * would grow past this is written as an encoded word of RFC 2047, which grows by a third.
 */
const MAX_PERCENT_ENCODED = 1_024

const ENCODED_WORD = /^=\?UTF-8\?B\?([A-Za-z0-9+/=]*)\?=$/

/** The object's user metadata. S3 takes ASCII in headers only, so the name is encoded. */
export function toObjectMetadata(upload: UploadMetadata): Record<string, string> {
  const { uploadId, owner, filename, filenameGenerated } = upload
  const mark = filenameGenerated ? { 'filename-generated': 'true' } : {}
  return { 'upload-id': uploadId, owner, filename: encode(filename), ...mark }
}

/** Reads it back. Undefined where the object was not written by the api. */
export function fromObjectMetadata(metadata: Record<string, string> | undefined): UploadMetadata | undefined {
  const uploadId = metadata?.['upload-id']
  const owner = metadata?.owner
  const filename = metadata?.filename
  if (!uploadId || !owner || !filename) return undefined
  const mark = metadata['filename-generated'] === 'true' ? { filenameGenerated: true } : {}
  return { uploadId, owner, filename: decode(filename), ...mark }
}

function encode(filename: string): string {
  const percent = encodeURIComponent(filename)
  return percent.length <= MAX_PERCENT_ENCODED ? percent : `=?UTF-8?B?${Buffer.from(filename).toString('base64')}?=`
}

function decode(filename: string): string {
  const word = ENCODED_WORD.exec(filename)?.[1]
  if (word !== undefined) return Buffer.from(word, 'base64').toString()
  try {
    return decodeURIComponent(filename)
  } catch {
    return filename // Not encoded by us: a name all the same.
  }
}
