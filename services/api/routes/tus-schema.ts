import { Type } from 'typebox'
import type { ProblemSlug } from '../problems/catalogue.ts'
import { problemResponses } from '../problems/problem.ts'
import { checksumAlgorithms } from '../tus/checksum.ts'
import { TUS_VERSION } from '../tus/request-headers.ts'
import { COMMON_PROBLEMS, security } from './schemas.ts'
import { uploadIdParams } from './upload-id.ts'

const common: ProblemSlug[] = [...COMMON_PROBLEMS, 'unsupported-tus-version']

const operation = <P>(operationId: string, summary: string, status: number, slugs: ProblemSlug[], params?: P) => ({
  operationId,
  tags: ['tus'],
  summary,
  ...(status !== 204 || operationId !== 'tusOptions' ? { security } : {}),
  ...(params && { params }),
  response: {
    [status]: Type.Null({ description: 'See https://tus.io/protocols/resumable-upload.' }),
    ...problemResponses(...slugs),
  },
})

/** By the first bytes, once all have arrived. */
const TYPES: ProblemSlug[] = ['content-type-contradicted', 'content-type-not-allowed']

const OFFSETS: ProblemSlug[] = [
  'bad-request',
  'request-timeout',
  'offset-conflict',
  'upload-expired',
  'upload-locked',
  'payload-too-large',
]

export const schemas = {
  options: operation('tusOptions', 'What of tus 1.0 is served', 204, ['bad-request', 'internal-error']),
  create: operation('tusCreate', 'Begin a resumable upload', 201, [
    'bad-request',
    'invalid-filename',
    'invalid-content-type',
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
    'tus',
    'Ask how much of a resumable upload has arrived',
    200,
    ['not-found', 'upload-expired', 'upload-locked', 'arrival-refused', ...TYPES, ...common],
    uploadIdParams,
  ),
  patch: operation(
    'tusPatch',
    'Go on with a resumable upload',
    204,
    ['not-found', 'checksum-mismatch', 'arrival-refused', ...TYPES, 'unsupported-media-type', ...OFFSETS, ...common],
    uploadIdParams,
  ),
  delete: operation(
    'tusDelete',
    'Give a resumable upload up',
    204,
    ['bad-request', 'not-found', 'upload-locked', ...common],
    uploadIdParams,
  ),
}

const text = (description: string, example: string) => Type.String({ description, examples: [example] })

const version = { 'tus-resumable': text('The version of the protocol.', TUS_VERSION) }
const checksum = {
  'upload-checksum': Type.Optional(
    text(
      `The digest of the body, by one of ${checksumAlgorithms}. It is checked.`,
      'sha1 LPJNul+wow4m6DsqxbninhsWHlw=',
    ),
  ),
}

const headers = {
  create: Type.Object({
    ...version,
    'upload-length': text('Of the whole file, in bytes.', '11'),
    'upload-metadata': Type.Optional(
      text('`filename` and `filetype`, as the protocol writes them.', 'filename YS50eHQ='),
    ),
    ...checksum,
  }),
  patch: Type.Object({ ...version, 'upload-offset': text('Where the bytes belong.', '0'), ...checksum }),
  other: Type.Object(version),
}

const bytes = {
  content: { 'application/offset+octet-stream': { schema: { type: 'string', format: 'binary' } } },
}

/**
 * What the OpenAPI document says of requests. Not the routes' own: what is wrong with a header is the protocol's to say, with a
 * status of its own.
 */
export const documented = {
  create: { openapiHeaders: headers.create, openapiBody: bytes },
  patch: { openapiHeaders: headers.patch, openapiBody: bytes },
  other: { openapiHeaders: headers.other },
}
