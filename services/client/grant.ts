import type { Api } from './api.ts'
import { ConnectionError, HeadgateError, StorageError } from './errors.ts'
import { IdempotencyKeyReusedError, NotArrivedError, NotFoundError } from './problems.ts'
import { Retries } from './retry.ts'
import { type SendOptions, send } from './send.ts'
import type { Grant } from './types.ts'
import type { Outgoing, Stored } from './upload.ts'

/** Number of parts that are sent at once. */
const CONCURRENCY = 4
/** S3 may need longer than other requests to check a large object. */
const COMPLETE_STALL_MS = 300_000
const MAX_ROUNDS = 5

type Request = { url: string; headers: Record<string, string> }
type Piece = Request & { start: number; end: number }

/** Uploads a file straight to S3, by presigned requests. The same key continues an upload with the parts that are missing. */
export async function uploadByGrant(api: Api, file: Outgoing): Promise<Stored> {
  const { filename, contentType, metadata, blob, sha256, idempotencyKey, signal } = file
  const body = JSON.stringify({ filename, contentType, metadata, size: blob.size, sha256 })
  const headers = { 'content-type': 'application/json', 'idempotency-key': idempotencyKey }
  let grant: Grant
  try {
    grant = await api.json<Grant>('/uploads/grants', { method: 'POST', headers, body, signal })
  } catch (error) {
    if (!(error instanceof IdempotencyKeyReusedError) || error.uploadId === undefined) throw error
    return await arrivedBefore(api, error.uploadId, error, signal)
  }
  const { uploadId } = grant
  const renew = () => api.json<Grant>(`/uploads/${uploadId}/grant`, { signal })
  for (let round = 1; ; round++) {
    const expired = await sendPieces(api, file, grant)
    if (expired) {
      // URLs that were signed with temporary credentials may expire early, but new ones are valid for some time.
      if (round === MAX_ROUNDS) throw expired
      grant = await renew()
      continue
    }
    try {
      return await completeUpload(api, uploadId, signal)
    } catch (error) {
      if (!(error instanceof NotArrivedError) || round === MAX_ROUNDS) throw error
      grant = await renew()
    }
  }
}

/** May be repeated: the api returns the upload if it is complete already. */
function completeUpload(api: Api, uploadId: string, signal: AbortSignal | undefined): Promise<Stored> {
  return api.json<Stored>(`/uploads/${uploadId}/complete`, { method: 'POST', signal, stallMs: COMPLETE_STALL_MS })
}

/** An earlier call with the same key uploaded the whole file, and its last response was lost. @throws reused if the upload is gone */
async function arrivedBefore(
  api: Api,
  uploadId: string,
  reused: IdempotencyKeyReusedError,
  signal: AbortSignal | undefined,
): Promise<Stored> {
  try {
    return { ...(await completeUpload(api, uploadId, signal)), isReplay: true }
  } catch (error) {
    throw error instanceof NotFoundError ? reused : error
  }
}

function piecesOf({ put, parts = [] }: Grant, size: number): Piece[] {
  if (put) return [{ ...put, start: 0, end: size }]
  return parts.map(({ offset, size: length, url, headers }) => ({ url, headers, start: offset, end: offset + length }))
}

/** Sends what is missing. Resolves to the error of S3 if it no longer accepts the URLs. */
async function sendPieces(api: Api, file: Outgoing, grant: Grant): Promise<StorageError | undefined> {
  const { blob, onProgress } = file
  const waiting = piecesOf(grant, blob.size)
  const total = blob.size
  let done = total - waiting.reduce((sum, { start, end }) => sum + end - start, 0)
  const moving = new Map<Piece, number>()
  const report = () =>
    onProgress?.({ sentBytes: done + [...moving.values()].reduce((a, b) => a + b, 0), totalBytes: total })
  report()
  const stop = new AbortController()
  const signal = file.signal ? AbortSignal.any([file.signal, stop.signal]) : stop.signal
  let expired: StorageError | undefined

  async function work(): Promise<void> {
    for (let piece = waiting.shift(); piece !== undefined && !expired; piece = waiting.shift()) {
      const current = piece
      const { url, headers, start, end } = piece
      const outcome = await put(api, url, {
        method: 'PUT',
        headers,
        body: blob.slice(start, end, ''),
        signal,
        onSent(bytes) {
          moving.set(current, bytes)
          report()
        },
      })
      moving.delete(piece)
      if (outcome) expired = outcome
      else done += end - start
      report()
    }
  }

  try {
    await Promise.all(Array.from({ length: CONCURRENCY }, work))
  } finally {
    stop.abort()
  }
  return expired
}

/** Sends one piece until S3 has it. Resolves to the error of S3 if it no longer accepts the URL. */
async function put(api: Api, url: string, options: SendOptions): Promise<StorageError | undefined> {
  const { signal } = options
  const retries = new Retries(api.retryForMs, signal)
  for (;;) {
    signal?.throwIfAborted()
    const failure = await attempt(url, options)
    if (failure === undefined) return undefined
    signal?.throwIfAborted()
    if (failure instanceof StorageError) {
      if (failure.status === 403) return failure
      // The object exists: an earlier attempt arrived, and its response was lost.
      if (failure.status === 412) return undefined
    }
    const isFinal = !(failure instanceof ConnectionError) && !isTemporary(failure)
    if (isFinal) throw failure
    api.onRetry(failure)
    if (!(await retries.next())) throw failure
  }
}

async function attempt(url: string, options: SendOptions): Promise<HeadgateError | undefined> {
  try {
    const response = await send(url, options)
    const text = await response.text()
    if (response.ok) return undefined
    const code = /<Code>(\w+)<\/Code>/.exec(text)?.[1] ?? 'no code'
    return new StorageError(`S3 rejected the bytes with the status ${response.status} (${code}).`, response.status)
  } catch (cause) {
    if (cause instanceof HeadgateError) return cause
    return new ConnectionError(`${new URL(url).origin} did not respond.`, { cause })
  }
}

/** 409: another attempt to write the object is in flight. */
function isTemporary(failure: HeadgateError): boolean {
  return failure instanceof StorageError && (failure.status >= 500 || [408, 409, 429].includes(failure.status))
}
