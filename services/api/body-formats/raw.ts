import type { FastifyRequest } from 'fastify'
import { essenceOf } from '../../uploads/media-types/media-type.ts'
import { checked, digestCheckOf } from '../content/digest-check.ts'
import type { Patience } from '../http/min-body-rate.ts'
import { declaredLength } from './body-headers.ts'
import { bodyChunks } from './read-body.ts'
import type { ArrivingFile, UploadQuery } from './way.ts'

/** The body is the file: its name is in the query, its content type is the request's. */
export function fromRaw(request: FastifyRequest, { filename }: UploadQuery, patience: Patience): ArrivingFile {
  const declaredBytes = declaredLength(request.headers)
  const check = digestCheckOf(request)
  const chunks = bodyChunks(request.body, patience)
  return {
    filename,
    contentType: contentTypeOf(request.headers['content-type']),
    body: check ? checked(chunks, check) : chunks,
    declaredBytes,
    maxBytes: declaredBytes,
    pace: patience,
  }
}

/**
 * `application/x-www-form-urlencoded` is what curl says of whatever it sends by `-d` or `--data-binary` without being told a type. It
 * says nothing of the file.
 */
function contentTypeOf(header = ''): string {
  const essence = essenceOf(header)
  return essence === '' || essence === 'application/x-www-form-urlencoded' ? 'application/octet-stream' : header
}
