import { v7 as uuidv7 } from 'uuid'
import { settle } from '../../platform/deadline.ts'
import type { Logger } from '../../platform/log.ts'
import { UploadGivenUpError } from '../../uploads/errors.ts'
import { defaultFilename } from '../../uploads/objects/filename.ts'
import type { IdempotencyClaim, IdempotencyEntry, IdempotencyStore } from '../../uploads/records/idempotency-store.ts'
import type { UploadRecord } from '../../uploads/records/record.ts'
import { timeOfUploadId } from '../../uploads/records/upload-id.ts'
import type { AcceptAll, AcceptAllOptions, Arriving } from '../ingest/accept-all.ts'
import { PartlyAcceptedError, RecordingUnknownError } from '../ingest/errors.ts'
import { ProblemError } from '../problems/problem.ts'
import { holdClaim, inUse } from './hold.ts'
import { measure, payloadDigest } from './payload.ts'
import { uploadIdAt } from './upload-ids.ts'

export interface IdempotencySettings<Answer> {
  store: IdempotencyStore
  acceptAll: AcceptAll
  /** What is answered for uploads, and is kept for the same request to come. */
  answerOf(uploads: UploadRecord[]): Answer
  /** As the store has it, in milliseconds. */
  claimMs: number
  /** Bytes. */
  maxBytes: number
}

export interface IdempotentRequest extends Pick<AcceptAllOptions, 'owner' | 'requestId' | 'traceparent'> {
  key: string
  /** What the request is, as far as its head tells. */
  fingerprint: string
  log: Pick<Logger, 'warn' | 'error'>
}

/** Accepts the files of a request once, however often the request is made. `isReplay`: it was answered before. */
export type AcceptOnce<Answer> = (
  files: AsyncIterable<Arriving>,
  request: IdempotentRequest,
) => Promise<{ answer: Answer; isReplay: boolean }>

/**
 * The first request with a key holds it while it is under way, and its answer is kept with a digest of what it sent. A second
 * one is told to wait while the first is under way; later its body is read and compared, and it gets the first answer again or
 * is refused. What a request is refused for is not kept: its key is free again.
 *
 * A process that dies leaves its claim to run out. Whoever comes then takes it over with the same upload ids: what the dead one
 * had recorded is found and not made again, and what it had not is made.
 */
export function createAcceptOnce<Answer>(settings: IdempotencySettings<Answer>): AcceptOnce<Answer> {
  const { store, acceptAll, answerOf, claimMs, maxBytes } = settings

  async function attempt(claim: IdempotencyClaim, files: AsyncIterable<Arriving>, request: IdempotentRequest) {
    const { owner, requestId, traceparent, log } = request
    const hold = holdClaim(claim, { store, claimMs, log })
    try {
      const uploads = await acceptAll(named(fenced(files, hold.signal), claim.uploadId), {
        owner,
        requestId,
        traceparent,
        log,
        idOf: index => uploadIdAt(claim.uploadId, index),
        isRetry: claim.isRetry,
        confirm: hold.confirm,
      })
      const answer = answerOf(uploads)
      await keep(claim, { payload: payloadDigest(uploads), answer: JSON.stringify(answer) }, log)
      return answer
    } catch (error) {
      await letGo(claim, error, log)
      throw error
    } finally {
      hold.end()
    }
  }

  /** The upload is accepted, whatever becomes of this: without it the next request finds what was recorded. */
  async function keep(
    claim: IdempotencyClaim,
    done: { payload: string; answer: string },
    log: IdempotentRequest['log'],
  ) {
    try {
      await store.complete(claim, done)
    } catch (err) {
      log.error({ err }, 'the answer to an idempotent request could not be kept')
      await letGo(claim, new RecordingUnknownError('Its answer is not kept.', { cause: err }), log)
    }
  }

  /** When this fails too, the claim runs out by itself. */
  async function letGo(claim: IdempotencyClaim, error: unknown, log: IdempotentRequest['log']): Promise<void> {
    const isKnown = !(error instanceof RecordingUnknownError || error instanceof PartlyAcceptedError)
    // Under these ids nothing can be recorded any more: the next attempt has to have others.
    const isGivenUp = error instanceof UploadGivenUpError
    try {
      // A claim that was taken over has something of another attempt behind it: it must be found by the next.
      await settle(() => (isGivenUp || (isKnown && !claim.isRetry) ? store.release(claim) : store.abandon(claim)))
    } catch (err) {
      log.warn({ err }, 'an idempotency key could not be let go, and runs out')
    }
  }

  async function replay(entry: IdempotencyEntry, files: AsyncIterable<Arriving>): Promise<Answer> {
    const sent = []
    for await (const file of named(files, entry.uploadId)) sent.push(await measure(file, maxBytes))
    if (payloadDigest(sent) !== entry.payload) throw reused()
    return JSON.parse(entry.answer ?? '') as Answer
  }

  return async (files, request) => {
    const { owner, key, fingerprint } = request
    const result = await store.claim({ owner, key }, { fingerprint, uploadId: uuidv7() })
    if ('claim' in result) return { answer: await attempt(result.claim, files, request), isReplay: false }
    const { entry } = result
    if (entry.fingerprint !== fingerprint) throw reused()
    if (entry.answer === undefined) throw inUse()
    return { answer: await replay(entry, files), isReplay: true }
  }
}

/** The key is of another request. */
export function reused(): ProblemError {
  const detail = 'Another request was sent with this Idempotency-Key. Take a new key for a new request.'
  return new ProblemError('idempotency-key-reused', detail)
}

/** Files that nobody has named get the same name each time: by the time of the first request. */
async function* named(files: AsyncIterable<Arriving>, firstId: string): AsyncGenerator<Arriving> {
  for await (const file of files) {
    const isNamed = file.filename !== undefined
    yield isNamed ? file : { ...file, filename: defaultFilename(timeOfUploadId(firstId)), filenameGenerated: true }
  }
}

/** Files whose bodies fail once the signal has fired. */
async function* fenced(files: AsyncIterable<Arriving>, signal: AbortSignal): AsyncGenerator<Arriving> {
  for await (const file of files) {
    const { body } = file
    if (body instanceof Uint8Array) yield file
    else yield { ...file, body: untilLost(body, signal) }
    signal.throwIfAborted()
  }
}

async function* untilLost(body: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    signal.throwIfAborted()
    yield chunk
  }
  signal.throwIfAborted()
}
