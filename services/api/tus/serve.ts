import type { IncomingMessage } from 'node:http'
import { type Lock, Server, type Upload } from '@tus/server'
import { defaultFilename } from '../../uploads/objects/filename.ts'
import { isUploadId } from '../../uploads/records/upload-id.ts'
import { createBodyRateGuard, type MinBodyRate } from '../http/min-body-rate.ts'
import { PayloadTooLargeError } from '../ingest/errors.ts'
import { reserveUpload } from '../pending/reservation.ts'
import type { UploadLimits } from '../policies/policies.ts'
import type { ProblemSlug } from '../problems/catalogue.ts'
import { ProblemError } from '../problems/problem.ts'
import { checkNoTrailer, parseChecksum } from './checksum.ts'
import { OwnUploads, type OwnUploadsDeps, type OwnUploadsRequest } from './data-store.ts'
import { namesOf } from './metadata.ts'
import { BYTES, checkTusHeaders, isBytes, TUS_PATH } from './protocol.ts'
import { readTusBody } from './request-body.ts'

export interface TusDeps extends Omit<OwnUploadsDeps, 'inspector' | 'limits'> {
  minBodyRate: MinBodyRate
}

/** One request of the protocol. */
export interface TusRequest extends Pick<OwnUploadsRequest, 'owner' | 'log'> {
  raw: IncomingMessage
  method: string
  path: string
  requestId: string
  limits: UploadLimits
}

export interface TusResponse {
  status: number
  headers: Record<string, string>
}

/** The headers that the protocol reads. */
const PROTOCOL_HEADERS = /^(?:tus-|upload-|content-length$|content-type$)/

/**
 * Serves one request of tus. @tus/server implements the protocol. Authentication, storage and errors are our own. Each request gets
 * its own server, because the server may only see the uploads of the request's owner.
 *
 * @throws the error that the client gets as a problem
 */
export async function serveTus(deps: TusDeps, request: TusRequest): Promise<TusResponse> {
  const { raw, method, path, owner, requestId, log, limits } = request
  const { minBodyRate, rules } = deps
  checkTusHeaders(method, raw.headers)
  checkNoTrailer(raw.headers.trailer)
  if (Number(raw.headers['content-length'] ?? 0) > limits.maxBytes) {
    throw new PayloadTooLargeError('The body', limits)
  }
  const { 'upload-checksum': checksum, 'upload-length': length, 'upload-metadata': metadataHeader = '' } = raw.headers
  const pace = method === 'PATCH' || method === 'POST' ? createBodyRateGuard(minBodyRate) : undefined
  const uploads = new OwnUploads(
    { ...deps, limits, inspector: limits.inspector },
    {
      owner,
      pace,
      log,
      checksum: checksum === undefined ? undefined : parseChecksum(String(checksum)),
      announcedLength: length === undefined ? undefined : Number(length),
    },
  )
  let failure: unknown
  const server = new Server({
    path: TUS_PATH,
    datastore: uploads,
    maxSize: limits.maxBytes,
    relativeLocation: true,
    // A client that sends a new request need not wait until the bytes of its previous request have arrived.
    lockDrainTimeout: 1,
    disableTerminationForFinishedUploads: true,
    locker: { newLock: uploadId => lockOf(uploads, uploadId) },
    namingFunction: ({ headers }, metadata = {}) => {
      const { filename, contentType, sha256, metadata: own } = namesOf(String(metadataHeader), metadata)
      uploads.reservation = reserveUpload(rules, {
        owner,
        filename: filename ?? defaultFilename(Date.now()),
        filenameGenerated: filename === undefined,
        contentType,
        metadata: own,
        sha256,
        // 0 until the client announces the length, if the length is deferred.
        size: Number(headers.get('upload-length')),
        requestId,
        limits,
      })
      return uploads.reservation.uploadId
    },
    getFileIdFromRequest: (_request, last = '') => (isUploadId(last) ? last : undefined),
    onUploadFinish: async (_request: unknown, { id }: Upload) => {
      await uploads.finish(id)
      return {}
    },
    onResponseError: (_request, error) => {
      failure = error
      return undefined
    },
  })
  const body = pace && readTusBody(raw, pace)
  const response = await server.handleWeb(toWeb(raw, method, path, body?.bytes))
  // Stops reading the request, which may have more bytes. The code that sends the response reads the rest.
  body?.bytes.return(undefined).catch(() => undefined)
  const text = await response.text()
  if (failure !== undefined || response.status >= 400 || body?.failure) await uploads.rollBack()
  if (body?.failure) throw body.failure
  if (failure instanceof Error && !('status_code' in failure)) throw failure
  if (response.status === 413) throw new PayloadTooLargeError('The file', limits)
  if (response.status >= 400) throw tusProblem(response.status, text)
  const headers = [...response.headers].filter(([name]) => !name.startsWith('access-control-'))
  return { status: response.status, headers: Object.fromEntries(headers) }
}

function lockOf(uploads: OwnUploads, uploadId: string): Lock {
  return {
    lock: (signal, release) => uploads.lock(uploadId, signal, () => void release()),
    unlock: () => uploads.unlock(),
  }
}

function toWeb(raw: IncomingMessage, method: string, path: string, body?: AsyncIterable<Uint8Array>): Request {
  const headers = new Headers()
  for (const [name, value] of Object.entries(raw.headers)) {
    if (!PROTOCOL_HEADERS.test(name) || typeof value !== 'string') continue
    // @tus/server compares the content type case-sensitively.
    headers.set(name, name === 'content-type' && isBytes(value) ? BYTES : value)
  }
  const init = body ? { body: ReadableStream.from(body), duplex: 'half' as const } : {}
  return new Request(`http://tus${path}`, { method, headers, ...init })
}

const slugs: Readonly<Record<number, ProblemSlug>> = {
  404: 'not-found',
  409: 'offset-conflict',
  410: 'upload-expired',
}

/** Turns an error response of @tus/server into a problem. */
function tusProblem(status: number, text: string): ProblemError {
  const slug = slugs[status] ?? (status < 500 || status === 501 ? 'bad-request' : 'internal-error')
  if (slug === 'not-found') return new ProblemError(slug, 'You have no upload with this id.')
  if (slug === 'internal-error') return new ProblemError(slug, 'The request failed because of an error in the service.')
  const line = text.trim()
  return new ProblemError(slug, /[.!?]$/.test(line) ? line : `${line}.`)
}
