import type { FastifyRequest } from 'fastify'
import type { IncomingUpload } from '../ingest/accept-upload.ts'
import { ProblemError } from '../problems/problem.ts'
import { checkNotEncoded } from './body-headers.ts'

/** The formats in which `POST /uploads` takes files. */
export type UploadFormat = 'json' | 'multipart' | 'raw'

/** What a format reads from a request. Everything else is the same for all formats. */
export type ParsedFile = Pick<
  IncomingUpload,
  'filename' | 'contentType' | 'metadata' | 'body' | 'declaredBytes' | 'maxBytes' | 'pace'
>

/** The query of `POST /uploads`. */
export interface UploadQuery {
  filename?: string
}

export const UNSUPPORTED_FORMAT =
  'Send JSON {"filename", "content"} as application/json, a form as multipart/form-data, or the bytes of one file with its name as ?filename=. curl -d sets a content type of its own: add -H "Content-Type: application/json", or ?filename=.'

/**
 * Returns the format of a request. A form is always a form. Every other body with `?filename=` is the file itself, even if it is JSON.
 *
 * @throws ProblemError if the format is not supported, or if the body has a content encoding
 */
export function uploadFormatOf(headers: FastifyRequest['headers'], query: UploadQuery): UploadFormat {
  checkNotEncoded(headers)
  const [mediaType] = (headers['content-type'] ?? '').split(';', 1).map(part => part.trim().toLowerCase())
  if (mediaType === 'multipart/form-data') return 'multipart'
  if (query.filename !== undefined) return 'raw'
  if (mediaType === 'application/json') return 'json'
  throw new ProblemError('unsupported-media-type', UNSUPPORTED_FORMAT)
}

/**
 * Checks that the query of a URL is percent-encoded UTF-8. Fastify's parser keeps an invalid part as it is, so a file would be stored
 * with a name such as `%FF`.
 *
 * @param url the undecoded path and query
 * @throws ProblemError
 */
export function checkQueryEncoding(url: string): void {
  const start = url.indexOf('?')
  if (start === -1) return
  try {
    decodeURIComponent(url.slice(start + 1))
  } catch (cause) {
    throw new ProblemError('invalid-body', 'The query is not percent-encoded UTF-8.', { cause })
  }
}
