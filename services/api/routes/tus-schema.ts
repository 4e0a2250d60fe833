import { Type } from 'typebox'
import type { ProblemSlug } from '../problems/catalogue.ts'
import { problemResponses } from '../problems/problem.ts'
import { checksumAlgorithms } from '../tus/checksum.ts'
import { TUS_VERSION } from '../tus/protocol.ts'
import { COMMON_PROBLEMS, idParams, security } from './schemas.ts'

const common: ProblemSlug[] = [...COMMON_PROBLEMS, 'unsupported-tus-version']

const operation = <P>(operationId: string, summary: string, status: number, slugs: ProblemSlug[], params?: P) => ({
  operationId,
  tags: ['tus'],
  summary,
  ...(status !== 204 || operationId !== 'getTusOptions' ? { security } : {}),
  ...(params && { params }),
  response: {
    [status]: Type.Null({ description: 'See https://tus.io/protocols/resumable-upload.' }),
    ...problemResponses(...slugs),
  },
})

/** Problems of the type, which is checked after all bytes have arrived. */
const TYPES: ProblemSlug[] = [
  'content-type-contradicted',
  'content-type-not-allowed',
  'upload-not-allowed',
  'quota-exceeded',
]

const OFFSETS: ProblemSlug[] = [
  'bad-request',
  'request-timeout',
  'offset-conflict',
  'upload-expired',
  'upload-locked',
  'payload-too-large',
]

export const schemas = {
  options: operation('getTusOptions', 'Get the supported parts of tus 1.0', 204, ['bad-request', 'internal-error']),
  create: operation('createTusUpload', 'Create a resumable upload', 201, [
    'bad-request',
    'invalid-filename',
    'invalid-content-type',
    'invalid-metadata',
    'payload-too-large',
    'checksum-mismatch',
    'unsupported-media-type',
    'request-timeout',
    'upload-locked',
    'arrival-refused',
    ...TYPES,
    ...common,
  ]),
  head: operation(
    'getTusOffset',
    'Get the offset of a resumable upload',
    200,
    ['not-found', 'upload-expired', 'upload-locked', 'arrival-refused', ...TYPES, ...common],
    idParams,
  ),
  patch: operation(
    'appendToTusUpload',
    'Continue a resumable upload',
    204,
    ['not-found', 'checksum-mismatch', 'arrival-refused', ...TYPES, 'unsupported-media-type', ...OFFSETS, ...common],
    idParams,
  ),
  delete: operation(
    'deleteTusUpload',
    'Delete a resumable upload',
    204,
    ['bad-request', 'not-found', 'upload-locked', ...common],
    idParams,
  ),
}

const text = (description: string, example: string) => Type.String({ description, examples: [example] })

const version = { 'tus-resumable': text('The version of the protocol.', TUS_VERSION) }
const checksum = {
  'upload-checksum': Type.Optional(
    text(
      `The digest of the body, by one of ${checksumAlgorithms}. The api verifies it.`,
      'sha1 LPJNul+wow4m6DsqxbninhsWHlw=',
    ),
  ),
}

const headers = {
  create: Type.Object({
    ...version,
    'upload-length': Type.Optional(text('Size of the whole file, in bytes.', '11')),
    'upload-defer-length': Type.Optional(
      text('`1` instead of `Upload-Length`, if the size is not known yet. A later request announces it.', '1'),
    ),
    'upload-metadata': Type.Optional(
      text(
        '`filename`, `filetype` and `sha256` (hex), in the encoding of the protocol. All are optional. The upload fails if the file has another SHA-256.',
        'filename YS50eHQ=',
      ),
    ),
    ...checksum,
  }),
  patch: Type.Object({
    ...version,
    'upload-offset': text('The offset of the bytes in the file.', '0'),
    'upload-length': Type.Optional(text('Size of the whole file, in bytes, if it was deferred.', '11')),
    ...checksum,
  }),
  other: Type.Object(version),
}

const bytes = {
  content: { 'application/offset+octet-stream': { schema: { type: 'string', format: 'binary' } } },
}

/**
 * The requests in the OpenAPI document. These are not the schemas of the routes, because the protocol has its own status for an
 * invalid header.
 */
export const documented = {
  create: { openapiHeaders: headers.create, openapiBody: bytes },
  patch: { openapiHeaders: headers.patch, openapiBody: bytes },
  other: { openapiHeaders: headers.other },
}
