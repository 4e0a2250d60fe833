import { type ClientMetadata, checkClientMetadata } from '../../uploads/objects/client-metadata.ts'
import { clientPairs } from '../body-formats/upload-metadata.ts'
import { InvalidTusHeaderError } from './errors.ts'

/** Maximum length of an `Upload-Metadata`, in characters. It is kept in the record of the pending upload. */
const MAX_METADATA_LENGTH = 8 * 1024

/** What the metadata of a tus client says about its file. */
export interface TusNames {
  filename: string | undefined
  contentType: string
  /** Lower-case hex. */
  sha256: string | undefined
  metadata: ClientMetadata | undefined
}

const DEFAULT_TYPE = 'application/octet-stream'

/**
 * Reads the name and the content type from an upload's metadata: `filename` and `filetype`, or Uppy's `name` and `type`. Also the
 * announced digest, `sha256` in hex, and the client's own pairs `metadata.NAME`.
 *
 * @param header the header as the client sent it
 * @param metadata the decoded header. Bytes that are not UTF-8 were decoded as replacement characters.
 * @throws InvalidTusHeaderError, InvalidMetadataError
 */
export function namesOf(header: string, metadata: Readonly<Record<string, string | null>>): TusNames {
  if (header.length > MAX_METADATA_LENGTH)
    throw new InvalidTusHeaderError(`The Upload-Metadata is longer than ${MAX_METADATA_LENGTH} characters.`)
  const filename = metadata.filename || metadata.name || undefined
  if (filename?.includes('\uFFFD'))
    throw new InvalidTusHeaderError('The filename in Upload-Metadata is not UTF-8 in base64.')
  const sha256 = metadata.sha256?.toLowerCase()
  if (sha256 && !/^[0-9a-f]{64}$/.test(sha256))
    throw new InvalidTusHeaderError('The sha256 in Upload-Metadata must have 64 hex digits.')
  return {
    filename,
    sha256: sha256 || undefined,
    contentType: metadata.filetype || metadata.type || DEFAULT_TYPE,
    metadata: checkClientMetadata(clientPairs(metadata)),
  }
}
