import { InvalidMetadataError } from '../errors.ts'
import {
  type ClientMetadata,
  fromObjectEntries,
  MAX_OBJECT_METADATA_BYTES,
  sizeOfEntries,
  toObjectEntries,
} from './client-metadata.ts'

/** The metadata of an upload's object. It identifies the upload without its record. */
export interface UploadMetadata {
  uploadId: string
  owner: string
  filename: string
  /** True if the client gave no name and `filename` was generated. */
  filenameGenerated?: boolean | undefined
  /** What the client says about its file. */
  metadata?: ClientMetadata | undefined
}

/**
 * S3 allows 2 KB of metadata. Percent-encoding triples a byte. A name that would be longer than this is written as an encoded word of
 * RFC 2047, which is only a third longer than the name.
 */
const MAX_PERCENT_ENCODED = 1_024

const ENCODED_WORD = /^=\?UTF-8\?B\?([A-Za-z0-9+/=]*)\?=$/

/**
 * Returns the user metadata of an object. S3 accepts only ASCII in headers, so the name is encoded.
 *
 * @throws InvalidMetadataError if the client's metadata does not fit into that of an object, together with a long file name
 */
export function toObjectMetadata(upload: UploadMetadata): Record<string, string> {
  const { uploadId, owner, filename, filenameGenerated, metadata } = upload
  const mark = filenameGenerated ? { 'filename-generated': 'true' } : {}
  const own = { 'upload-id': uploadId, owner, filename: encode(filename), ...mark }
  if (!metadata) return own
  const all = { ...own, ...toObjectEntries(metadata) }
  const excess = sizeOfEntries(all) - MAX_OBJECT_METADATA_BYTES
  if (excess > 0) {
    throw new InvalidMetadataError(
      `The metadata and the name of the file are together ${excess} bytes longer than S3 allows. Shorten one of them.`,
    )
  }
  return all
}

/** Reads the user metadata of an object. Undefined if the api did not write the object. */
export function fromObjectMetadata(metadata: Record<string, string> | undefined): UploadMetadata | undefined {
  const uploadId = metadata?.['upload-id']
  const owner = metadata?.owner
  const filename = metadata?.filename
  if (!uploadId || !owner || !filename) return undefined
  const mark = metadata['filename-generated'] === 'true' ? { filenameGenerated: true } : {}
  const own = fromObjectEntries(metadata)
  return { uploadId, owner, filename: decode(filename), ...mark, ...(own && { metadata: own }) }
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
    return filename // The api did not encode this name. It is used as it is.
  }
}
