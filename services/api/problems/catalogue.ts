/** A kind of answer that is not a success. `docs/errors.md` says of each what it means and what to do. */
export interface ProblemKind {
  /** The HTTP status. */
  status: number
  /** The same for every answer of the kind. What is wrong with this one request is in `detail`. */
  title: string
}

/** Every kind of problem that the api answers with, by the last part of its type. Slugs are stable: clients match them. */
export const catalogue = {
  'bad-request': { status: 400, title: 'The request cannot be understood' },
  'malformed-json': { status: 400, title: 'The body is not JSON' },
  'invalid-body': { status: 400, title: 'The body or the query is not what the api takes' },
  'invalid-filename': { status: 400, title: 'The file name cannot be taken' },
  'invalid-content-type': { status: 400, title: 'The content type of the file cannot be taken' },
  'invalid-digest': { status: 400, title: 'The digest cannot be read' },
  'digest-mismatch': { status: 400, title: 'The body is not what its digest says' },
  'invalid-idempotency-key': { status: 400, title: 'The idempotency key cannot be taken' },
  'invalid-cursor': { status: 400, title: 'The cursor is not one that was given out' },
  'malformed-multipart': { status: 400, title: 'The form cannot be read' },
  'missing-file': { status: 400, title: 'The form has no file' },
  'too-many-files': { status: 400, title: 'The form has more files than are taken' },
  'incomplete-body': { status: 400, title: 'The body ended before it was complete' },
  'missing-token': { status: 401, title: 'A token is required' },
  'invalid-token': { status: 401, title: 'The token is not valid' },
  'insufficient-scope': { status: 403, title: 'The token does not allow this' },
  'not-found': { status: 404, title: 'There is nothing here' },
  'content-gone': { status: 404, title: 'The bytes are not there any more' },
  'method-not-allowed': { status: 405, title: 'The method is not allowed here' },
  'request-timeout': { status: 408, title: 'The request took too long to arrive' },
  'idempotency-key-in-use': { status: 409, title: 'A request with this idempotency key is under way' },
  'content-not-ready': { status: 409, title: 'There is nothing to get yet' },
  'processing-failed': { status: 409, title: 'The file could not be processed' },
  'content-withheld': { status: 409, title: 'The bytes cannot be given out' },
  'not-arrived': { status: 409, title: 'The file has not arrived yet' },
  'offset-conflict': { status: 409, title: 'The upload goes on at another offset' },
  'upload-expired': { status: 410, title: 'The upload was given up' },
  'unsupported-tus-version': { status: 412, title: 'The version of tus is not one of those spoken' },
  'payload-too-large': { status: 413, title: 'The body is too large' },
  'unsupported-media-type': { status: 415, title: 'The content type is not one of those taken' },
  'content-type-contradicted': { status: 415, title: 'The file is not of the type that it is called' },
  'content-type-not-allowed': { status: 415, title: 'Files of this type are not taken' },
  'idempotency-key-reused': { status: 422, title: 'The idempotency key is of another request' },
  'arrival-refused': { status: 422, title: 'What arrived is not what was granted' },
  'upload-locked': { status: 423, title: 'Another request is at work on the upload' },
  'too-many-requests': { status: 429, title: 'Too many requests' },
  'too-many-watches': { status: 429, title: 'You wait for too many uploads at a time' },
  'headers-too-large': { status: 431, title: 'The headers are too large' },
  'checksum-mismatch': { status: 460, title: 'The bytes are not those of the checksum' },
  'internal-error': { status: 500, title: 'Something went wrong' },
  unavailable: { status: 503, title: 'The service cannot do this just now' },
  'watches-exhausted': { status: 503, title: 'Too many requests wait just now' },
  'keys-unavailable': { status: 503, title: 'The token cannot be checked just now' },
  'not-ready': { status: 503, title: 'The service is not ready' },
} as const satisfies Record<string, ProblemKind>

export type ProblemSlug = keyof typeof catalogue

/** What the `type` of every problem begins with. */
export const PROBLEM_TYPE_PREFIX = 'urn:headgate:problem:'
