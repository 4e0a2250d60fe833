import type { FastifyRequest } from 'fastify'
import type { IncomingUpload } from '../ingest/accept-upload.ts'
import { ProblemError } from '../problems/problem.ts'

/** The ways in which a file arrives at `POST /uploads`. */
export type Way = 'json' | 'multipart' | 'raw'

/** What a way in has to find out from a request. The rest is the same for all. */
export type ArrivingFile = Pick<IncomingUpload, 'filename' | 'contentType' | 'body' | 'declaredBytes'>

/** The query of `POST /uploads`. */
export interface UploadQuery {
  filename?: string
}

export const UNKNOWN_WAY =
  'Send JSON {"filename", "content"} as application/json, a form with one file as multipart/form-data, or the bytes of the file with its name as ?filename=.'

/**
 * The way that a request takes. A form is always a form; anything else with `?filename=` is the file itself, JSON too.
 *
 * @throws ProblemError where it is none of the three, its body is encoded, or its JSON not in UTF-8
 */
export function wayOf(headers: FastifyRequest['headers'], query: UploadQuery): Way {
  checkNotEncoded(headers)
  const [mediaType, ...parameters] = (headers['content-type'] ?? '').split(';').map(part => part.trim().toLowerCase())
  if (mediaType === 'multipart/form-data') return 'multipart'
  if (query.filename !== undefined) return 'raw'
  if (mediaType === 'application/json') {
    if (!parameters.every(isNoOtherCharset)) throw new ProblemError('unsupported-media-type', 'Send JSON in UTF-8.')
    return 'json'
  }
  throw new ProblemError('unsupported-media-type', UNKNOWN_WAY)
}

/** What is kept are the bytes as they come: nobody would know that they are compressed. @throws ProblemError */
export function checkNotEncoded({ 'content-encoding': encoding }: FastifyRequest['headers']): void {
  if (encoding === undefined || encoding === 'identity') return
  throw new ProblemError('unsupported-media-type', 'Send the body without a Content-Encoding.')
}

/** JSON is UTF-8 (RFC 8259): a parameter must not say another charset. US-ASCII is UTF-8 already. */
function isNoOtherCharset(parameter: string): boolean {
  const [name = '', value = ''] = parameter.split('=').map(part => part.trim())
  return name !== 'charset' || /^"?(utf-?8|us-ascii)"?$/.test(value)
}

/** The size of a body as its headers have it, in bytes. */
export function declaredLength(headers: FastifyRequest['headers']): number | undefined {
  const length = headers['content-length']
  return length === undefined ? undefined : Number(length)
}
