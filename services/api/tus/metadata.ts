import { InvalidTusHeaderError } from './errors.ts'

/** Maximum length of an `Upload-Metadata`, in characters. It is kept in the record of the pending upload. */
const MAX_METADATA_LENGTH = 8 * 1024

/** The name and the content type of an upload, as tus clients send them. */
export interface TusNames {
  filename: string | undefined
  contentType: string
}

const DEFAULT_TYPE = 'application/octet-stream'

/**
 * Reads the name and the content type from an upload's metadata: `filename` and `filetype`, or Uppy's `name` and `type`.
 *
 * @param header the header as the client sent it
 * @param metadata the decoded header. Bytes that are not UTF-8 were decoded as replacement characters.
 * @throws InvalidTusHeaderError
 */
export function namesOf(header: string, metadata: Readonly<Record<string, string | null>>): TusNames {
  if (header.length > MAX_METADATA_LENGTH)
    throw new InvalidTusHeaderError(`The Upload-Metadata is longer than ${MAX_METADATA_LENGTH} characters.`)
  const filename = metadata.filename || metadata.name || undefined
  if (filename?.includes('\uFFFD'))
    throw new InvalidTusHeaderError('The filename in Upload-Metadata is not UTF-8 in base64.')
  return { filename, contentType: metadata.filetype || metadata.type || DEFAULT_TYPE }
}
