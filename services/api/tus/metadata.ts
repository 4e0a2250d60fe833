import { InvalidTusHeaderError } from './errors.ts'

/** Of an `Upload-Metadata`, in characters: it is kept with the upload until that has arrived. */
const MOST = 8 * 1024

/** What an upload is called and what it is, as tus clients say it. */
export interface TusNames {
  filename: string | undefined
  contentType: string
}

const DEFAULT_TYPE = 'application/octet-stream'

/**
 * Finds the names in an upload's metadata: `filename` and `filetype`, or Uppy's `name` and `type`.
 *
 * @param header as it came
 * @param metadata as it was read: base64 that is no UTF-8 has replacement characters in it
 * @throws InvalidTusHeaderError
 */
export function namesOf(header: string, metadata: Readonly<Record<string, string | null>>): TusNames {
  if (header.length > MOST) throw new InvalidTusHeaderError(`The Upload-Metadata is longer than ${MOST} characters.`)
  const filename = metadata.filename || metadata.name || undefined
  if (filename?.includes('\uFFFD')) throw new InvalidTusHeaderError('The filename is not base64 of UTF-8.')
  return { filename, contentType: metadata.filetype || metadata.type || DEFAULT_TYPE }
}
