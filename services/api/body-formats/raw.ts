import type { FastifyRequest } from 'fastify'
import { essenceOf } from '../../uploads/media-types/media-type.ts'
import { checkClientMetadata } from '../../uploads/objects/client-metadata.ts'
import { digestCheckOf, verifyDigests } from '../content/digest-check.ts'
import type { BodyRateGuard } from '../http/min-body-rate.ts'
import { declaredLength } from './body-headers.ts'
import { bodyChunks } from './read-body.ts'
import type { ParsedFile, UploadQuery } from './upload-format.ts'
import { parseUploadMetadata, rawPairs } from './upload-metadata.ts'

/** Returns the body as a file. Its name is in the query, and its content type is the request's. */
export function fromRaw(request: FastifyRequest, { filename }: UploadQuery, rateGuard: BodyRateGuard): ParsedFile {
  const declaredBytes = declaredLength(request.headers)
  const check = digestCheckOf(request)
  const chunks = bodyChunks(request.body, rateGuard)
  return {
    filename,
    contentType: contentTypeOf(request.headers['content-type']),
    metadata: metadataOf(request.headers['upload-metadata']),
    body: check ? verifyDigests(chunks, check) : chunks,
    declaredBytes,
    maxBytes: declaredBytes,
    pace: rateGuard,
  }
}

/** Reads the pairs `metadata.NAME` of a header `Upload-Metadata`, which has the format of tus. */
function metadataOf(header: string | string[] | undefined) {
  return header === undefined ? undefined : checkClientMetadata(rawPairs(parseUploadMetadata(String(header))))
}

/**
 * Ignores `application/x-www-form-urlencoded`. curl sends it with every body from `-d` or `--data-binary` by default, so it says nothing
 * about the file.
 */
function contentTypeOf(header = ''): string {
  const essence = essenceOf(header)
  return essence === '' || essence === 'application/x-www-form-urlencoded' ? 'application/octet-stream' : header
}
