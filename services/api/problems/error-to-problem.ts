import { DeadlineError } from '../../platform/deadline.ts'
import { HeadgateError } from '../../platform/errors.ts'
import { NoPartBufferError, SlowUploadError } from '../../platform/s3/memory-pool.ts'
import { UploadGivenUpError } from '../../uploads/errors.ts'
import { PartlyAcceptedError, RecordingUnknownError } from '../ingest/errors.ts'
import type { ProblemSlug } from './catalogue.ts'
import { type Problem, ProblemError } from './problem.ts'
import { isUnavailable } from './unavailable.ts'

/** Our own errors whose message is sent to the client, by code. */
const ownErrors: Readonly<Record<string, ProblemSlug>> = {
  HEADGATE_INVALID_FILENAME: 'invalid-filename',
  HEADGATE_INVALID_METADATA: 'invalid-metadata',
  HEADGATE_INVALID_CONTENT_TYPE: 'invalid-content-type',
  HEADGATE_PAYLOAD_TOO_LARGE: 'payload-too-large',
  HEADGATE_INCOMPLETE_BODY: 'incomplete-body',
  HEADGATE_NOT_ARRIVED: 'not-arrived',
  HEADGATE_ARRIVAL_REFUSED: 'arrival-refused',
  HEADGATE_UPLOAD_LOCKED: 'upload-locked',
  HEADGATE_UPLOAD_GONE: 'upload-expired',
  HEADGATE_CHECKSUM_MISMATCH: 'checksum-mismatch',
  HEADGATE_INVALID_TUS_HEADER: 'bad-request',
  HEADGATE_CONTENT_GONE: 'content-gone',
  HEADGATE_CONTENT_WITHHELD: 'content-withheld',
}

/** Errors of Fastify and its plugins, by code. Their messages reveal nothing internal. */
const fastifyErrors: Readonly<Record<string, ProblemSlug>> = {
  FST_ERR_VALIDATION: 'invalid-body',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported-media-type',
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload-too-large',
  FST_ERR_CTP_INVALID_JSON_BODY: 'malformed-json',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed-json',
  FST_ERR_MAX_PARAM_LENGTH: 'not-found',
}

/** Our own details for errors whose message in Fastify is unclear. */
const fastifyDetails: Readonly<Record<string, string>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE:
    'The Content-Type of the request is not a media type such as text/plain, or this route does not support it.',
}

/** When to retry if a service behind the api does not respond, in seconds. */
const RETRY_AFTER_SECONDS = '5'

/** Turns an error into the problem for the client. An error that the client did not cause reveals nothing internal. */
export function problemFromError(error: unknown): Problem {
  if (error instanceof ProblemError) return error
  if (error instanceof UploadGivenUpError) return unavailable(`${error.message} Send it again.`)
  if (error instanceof DeadlineError) return unavailable(error.message)
  if (error instanceof NoPartBufferError) return unavailable(error.message)
  if (error instanceof SlowUploadError) {
    return { ...unavailable(error.message), headers: { 'retry-after': RETRY_AFTER_SECONDS, connection: 'close' } }
  }
  if (error instanceof HeadgateError) {
    const slug = ownErrors[error.code]
    if (slug) return { slug, detail: error.message }
  }
  if (error instanceof RecordingUnknownError && isUnavailable(error.cause)) return unavailable(error.message)
  if (error instanceof PartlyAcceptedError && isUnavailable(causeOf(error))) return unavailable(error.message)
  if (isUnavailable(error))
    return unavailable('A service behind the api does not respond. Nothing was accepted. Try again.')
  return (
    problemFromFastify(error) ?? {
      slug: 'internal-error',
      detail: 'The request failed because of an error in the service.',
    }
  )
}

/** Returns the cause of a failed request, behind a RecordingUnknownError. */
function causeOf({ cause }: Error): unknown {
  return cause instanceof RecordingUnknownError ? cause.cause : cause
}

function unavailable(detail: string): Problem {
  return { slug: 'unavailable', detail, headers: { 'retry-after': RETRY_AFTER_SECONDS } }
}

function problemFromFastify(error: unknown): Problem | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined
  const slug = fastifyErrors[error.code]
  if (slug) return { slug, detail: fastifyDetails[error.code] ?? sentence(error.message) }
  const isClients = 'statusCode' in error && typeof error.statusCode === 'number' && error.statusCode < 500
  return error.code.startsWith('FST_') && isClients
    ? { slug: 'bad-request', detail: sentence(error.message) }
    : undefined
}

function sentence(message: string): string {
  const capital = message.charAt(0).toUpperCase() + message.slice(1)
  return /[.!?]$/.test(capital) ? capital : `${capital}.`
}
