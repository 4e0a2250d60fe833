/** A kind of problem. `docs/reference/errors.md` explains each kind and what to do. */
export interface ProblemKind {
  /** The HTTP status. */
  status: number
  /** The same for every response of this kind. `detail` says what is wrong with one request. */
  title: string
}

/** Every kind of problem of the api, by the last part of its type. These slugs are stable, because clients match them. */
export const catalogue = {
  'bad-request': { status: 400, title: 'The request is malformed' },
  'malformed-json': { status: 400, title: 'The body is not JSON' },
  'invalid-body': { status: 400, title: 'The body or the query is invalid' },
  'invalid-filename': { status: 400, title: 'The file name is invalid' },
  'invalid-content-type': { status: 400, title: 'The content type of the file is invalid' },
  'invalid-metadata': { status: 400, title: 'The metadata of the file is invalid' },
  'invalid-digest': { status: 400, title: 'The digest is malformed' },
  'digest-mismatch': { status: 400, title: 'The body does not match its digest' },
  'invalid-idempotency-key': { status: 400, title: 'The idempotency key is invalid' },
  'invalid-cursor': { status: 400, title: 'The cursor is invalid' },
  'malformed-multipart': { status: 400, title: 'The form is malformed' },
  'missing-file': { status: 400, title: 'The form has no file' },
  'too-many-files': { status: 400, title: 'The form has too many files' },
  'incomplete-body': { status: 400, title: 'The body ended before it was complete' },
  'missing-token': { status: 401, title: 'A token is required' },
  'invalid-token': { status: 401, title: 'The token is invalid' },
  'insufficient-scope': { status: 403, title: 'The token does not permit this request' },
  'upload-not-allowed': { status: 403, title: 'You may not upload this file' },
  'quota-exceeded': { status: 403, title: 'Your quota for today is used up' },
  quarantined: { status: 403, title: 'The file is quarantined' },
  'not-found': { status: 404, title: 'Not found' },
  'content-gone': { status: 404, title: 'The file is no longer stored' },
  'method-not-allowed': { status: 405, title: 'The path does not support this method' },
  'request-timeout': { status: 408, title: 'The request took too long to arrive' },
  'idempotency-key-in-use': { status: 409, title: 'A request with this idempotency key is in flight' },
  'content-not-ready': { status: 409, title: 'The content is not ready yet' },
  'processing-failed': { status: 409, title: 'The file could not be processed' },
  'content-withheld': { status: 409, title: 'The file cannot be downloaded' },
  'not-arrived': { status: 409, title: 'The file has not arrived yet' },
  'offset-conflict': { status: 409, title: 'The offset differs from the offset of the upload' },
  'upload-expired': { status: 410, title: 'The upload has expired' },
  'unsupported-tus-version': { status: 412, title: 'The tus version is not supported' },
  'payload-too-large': { status: 413, title: 'The body is too large' },
  'unsupported-media-type': { status: 415, title: 'The content type is not supported' },
  'content-type-contradicted': { status: 415, title: 'The file contradicts its content type' },
  'content-type-not-allowed': { status: 415, title: 'Files of this type are not allowed' },
  'idempotency-key-reused': { status: 422, title: 'The idempotency key was used for another request' },
  'arrival-refused': { status: 422, title: 'The file differs from the grant' },
  'upload-locked': { status: 423, title: 'Another request is using the upload' },
  'too-many-requests': { status: 429, title: 'Too many requests' },
  'too-many-watches': { status: 429, title: 'Too many of your requests wait for uploads' },
  'headers-too-large': { status: 431, title: 'The headers are too large' },
  'checksum-mismatch': { status: 460, title: 'The bytes do not match the checksum' },
  'internal-error': { status: 500, title: 'The service failed' },
  unavailable: { status: 503, title: 'The service is temporarily unavailable' },
  'watches-exhausted': { status: 503, title: 'Too many requests wait for uploads' },
  'keys-unavailable': { status: 503, title: 'The token cannot be verified now' },
  'not-ready': { status: 503, title: 'The service is not ready' },
} as const satisfies Record<string, ProblemKind>

export type ProblemSlug = keyof typeof catalogue

/** The prefix of the `type` of every problem. */
export const PROBLEM_TYPE_PREFIX = 'urn:headgate:problem:'
