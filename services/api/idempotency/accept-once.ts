import { createHash } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'
import { cleanUp } from '../../platform/deadline.ts'
import type { Logger } from '../../platform/log.ts'
import { UploadGivenUpError } from '../../uploads/errors.ts'
import { defaultFilename } from '../../uploads/objects/filename.ts'
import type { IdempotencyClaim, IdempotencyEntry, IdempotencyStore } from '../../uploads/records/idempotency-store.ts'
import { timeOfUploadId } from '../../uploads/records/upload-id.ts'
import { type AcceptAllOptions, acceptAll, type IncomingFile } from '../ingest/accept-all.ts'
import { type AcceptUploadDeps, acceptUpload } from '../ingest/accept-upload.ts'
import { PartlyAcceptedError, RecordingUnknownError, type SizeLimit } from '../ingest/errors.ts'
import { type Accepted, toAccepted } from '../routes/accepted.ts'
import { acceptRetry } from './accept-retry.ts'
import { holdClaim, keyInUse, keyReused } from './hold-claim.ts'
import { measureFile, payloadDigest } from './payload.ts'

export interface AcceptOnceDeps extends AcceptUploadDeps {
  idempotency: IdempotencyStore
  /** How long a claim is valid without a renewal, in milliseconds. The same as in the store. */
  claimMs: number
}

export interface IdempotentRequest extends Pick<AcceptAllOptions, 'owner' | 'limits' | 'requestId' | 'traceparent'> {
  key: string
  /** A digest of the request's method, path and headers that matter. */
  fingerprint: string
  log: Pick<Logger, 'warn' | 'error'>
}

type Files = AsyncIterable<IncomingFile>

/**
 * Accepts the files of a request once, however often the request is sent with the same key.
 *
 * The first request with a key claims the key while the request is in flight. Its response is stored with a digest of its files. A second
 * request is rejected while the first one is in flight. Later the files of the second request are read and compared: the second
 * request gets the stored response, or is rejected if its files differ. A failed request releases the key.
 *
 * If a process crashes, its claim expires. The next request takes the claim over with the same upload ids. It finds the uploads that
 * the crashed process recorded, and makes the others.
 *
 * @returns the response, and whether it is the stored response of an earlier request
 */
export async function acceptOnce(
  deps: AcceptOnceDeps,
  files: Files,
  request: IdempotentRequest,
): Promise<{ answer: Accepted[]; isReplay: boolean }> {
  const { owner, key, fingerprint } = request
  const result = await deps.idempotency.claim({ owner, key }, { fingerprint, uploadId: uuidv7() })
  if ('claim' in result) return { answer: await attempt(deps, result.claim, files, request), isReplay: false }
  const { entry } = result
  if (entry.fingerprint !== fingerprint) throw keyReused()
  if (entry.answer === undefined) throw keyInUse()
  return { answer: await replay(entry, files, request.limits), isReplay: true }
}

async function attempt(deps: AcceptOnceDeps, claim: IdempotencyClaim, files: Files, request: IdempotentRequest) {
  const { owner, limits, requestId, traceparent, log } = request
  const accept = claim.isRetry ? acceptRetry : acceptUpload
  const hold = holdClaim(deps, claim, log)
  try {
    const uploads = await acceptAll(
      upload => accept(deps, upload),
      withNames(abortableFiles(files, hold.signal), claim.uploadId),
      {
        owner,
        limits,
        requestId,
        traceparent,
        log,
        idOf: index => uploadIdAt(claim.uploadId, index),
        confirm: hold.confirm,
      },
    )
    const answer = uploads.map(toAccepted)
    await saveAnswer(deps, claim, { payload: payloadDigest(uploads), answer: JSON.stringify(answer) }, log)
    return answer
  } catch (error) {
    await releaseClaim(deps, claim, error, log)
    throw error
  } finally {
    hold.end()
  }
}

/** Stores the response. If that fails, the upload is accepted all the same, and the next request finds its record. */
async function saveAnswer(
  deps: AcceptOnceDeps,
  claim: IdempotencyClaim,
  done: { payload: string; answer: string },
  log: IdempotentRequest['log'],
) {
  try {
    await deps.idempotency.complete(claim, done)
  } catch (err) {
    log.error({ err }, 'the response to an idempotent request could not be stored')
    await releaseClaim(deps, claim, new RecordingUnknownError('The response is not stored.', { cause: err }), log)
  }
}

/** Releases the claim of a failed attempt. If that fails too, the claim expires. */
async function releaseClaim(
  { idempotency }: AcceptOnceDeps,
  claim: IdempotencyClaim,
  error: unknown,
  log: IdempotentRequest['log'],
): Promise<void> {
  const isKnown = !(error instanceof RecordingUnknownError || error instanceof PartlyAcceptedError)
  // Nothing can be recorded under these ids any more, so the next attempt needs new ones.
  const needsNewIds = error instanceof UploadGivenUpError
  // A retried claim may have records of an earlier attempt. The next attempt must find them, so the claim keeps its ids.
  const isEmpty = needsNewIds || (isKnown && !claim.isRetry)
  try {
    await cleanUp(() => (isEmpty ? idempotency.release(claim) : idempotency.abandon(claim)))
  } catch (err) {
    log.warn({ err }, 'an idempotency key could not be released: it will expire')
  }
}

async function replay(entry: IdempotencyEntry, files: Files, limits: SizeLimit): Promise<Accepted[]> {
  const received = []
  for await (const file of withNames(files, entry.uploadId)) received.push(await measureFile(file, limits))
  if (payloadDigest(received) !== entry.payload) throw keyReused()
  return JSON.parse(entry.answer ?? '') as Accepted[]
}

/**
 * Returns the upload id of a file by the file's index in its request. The first file gets the given id. The ids of the other files
 * are derived from it, so a retried request gets the same ids.
 */
export function uploadIdAt(first: string, index: number): string {
  if (index === 0) return first
  const random = createHash('sha256').update(`${first}#${index}`).digest().subarray(0, 16)
  return uuidv7({ msecs: timeOfUploadId(first), random })
}

/** Gives each file without a name the same name in each attempt, by the time of the first request. */
async function* withNames(files: Files, firstId: string): AsyncGenerator<IncomingFile> {
  for await (const file of files) {
    const hasName = file.filename !== undefined
    yield hasName ? file : { ...file, filename: defaultFilename(timeOfUploadId(firstId)), filenameGenerated: true }
  }
}

/** Makes the bodies of files fail once the signal is aborted. */
async function* abortableFiles(files: Files, signal: AbortSignal): AsyncGenerator<IncomingFile> {
  for await (const file of files) {
    const { body } = file
    if (body instanceof Uint8Array) yield file
    else yield { ...file, body: abortableBody(body, signal) }
    signal.throwIfAborted()
  }
}

async function* abortableBody(body: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    signal.throwIfAborted()
    yield chunk
  }
  signal.throwIfAborted()
}
