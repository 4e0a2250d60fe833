import type { FastifyRequest } from 'fastify'
import { bodyChunks } from './read-body.ts'
import { type ArrivingFile, declaredLength, type UploadQuery } from './way.ts'

/** The body is the file: its name is in the query, its content type is the request's. */
export function fromRaw(request: FastifyRequest, { filename }: UploadQuery): ArrivingFile {
  return {
    filename,
    contentType: request.headers['content-type'] ?? 'application/octet-stream',
    body: bodyChunks(request.body),
    declaredBytes: declaredLength(request.headers),
  }
}
