import type { FastifyRequest } from 'fastify'
import type { IncomingUpload } from '../ingest/accept-upload.ts'
import { ProblemError } from '../problems/problem.ts'
import { checkNotEncoded } from './body-headers.ts'

/** The ways in which a file arrives at `POST /uploads`. */
export type Way = 'json' | 'multipart' | 'raw'

/** What a way in has to find out from a request. The rest is the same for all. */
export type ArrivingFile = Pick<
  IncomingUpload,
  'filename' | 'contentType' | 'body' | 'declaredBytes' | 'maxBytes' | 'pace'
>

/** The query of `POST /uploads`. */
export interface UploadQuery {
  filename?: string
}

export const UNKNOWN_WAY =
  'Send JSON {"filename", "content"} as application/json, a form with one file as multipart/form-data, or the bytes of the file with its name as ?filename=. curl -d sends a content type of its own: add -H "Content-Type: application/json", or ?filename=.'

/**
 * The way that a request takes. A form is always a form; anything else with `?filename=` is the file itself, JSON too.
 *
 * @throws ProblemError where it is none of the three, or its body is encoded
 */
export function wayOf(headers: FastifyRequest['headers'], query: UploadQuery): Way {
  checkNotEncoded(headers)
  const [mediaType] = (headers['content-type'] ?? '').split(';', 1).map(part => part.trim().toLowerCase())
  if (mediaType === 'multipart/form-data') return 'multipart'
  if (query.filename !== undefined) return 'raw'
  if (mediaType === 'application/json') return 'json'
  throw new ProblemError('unsupported-media-type', UNKNOWN_WAY)
}
