import type { IncomingMessage } from 'node:http'
import { type Lock, Server, type Upload } from '@tus/server'
import { defaultFilename } from '../../uploads/objects/filename.ts'
import { isUploadId } from '../../uploads/records/upload-id.ts'
import { createPatience, type PatienceSettings } from '../http/min-body-rate.ts'
import { PayloadTooLargeError } from '../ingest/errors.ts'
import type { Announced, Promised } from '../pending/reservation.ts'
import { checkNoTrailer, parseChecksum } from './checksum.ts'
import { OwnUploads, type TusRequest, type TusServices } from './data-store.ts'
import { namesOf } from './metadata.ts'
import { TUS_PATH } from './path.ts'
import { tusProblem } from './problems.ts'
import { arrivingBody } from './request-body.ts'
import { BYTES, checkTusHeaders, isBytes } from './request-headers.ts'

export interface TusSettings extends TusServices {
  promise: (announced: Announced) => Promised
  /** Bytes. */
  maxBytes: number
  /** How slowly a body may arrive. */
  patience: PatienceSettings
}

export interface IncomingTus extends Omit<TusRequest, 'checksum' | 'pace'> {
  raw: IncomingMessage
  method: string
  path: string
  requestId: string
}

export interface TusAnswer {
  status: number
  headers: Record<string, string>
}

/** Serves one request of the protocol. @throws what is to be answered as a problem */
export type ServeTus = (request: IncomingTus) => Promise<TusAnswer>

/** What of a request the protocol looks at. */
const READ = /^(?:tus-|upload-|content-length$|content-type$)/

/**
 * @tus/server speaks the protocol; who asks, what is stored and what is wrong are ours. One server for each request, since the
 * owner is a part of what it can see.
 */
export function createServeTus({ promise, maxBytes, patience, ...services }: TusSettings): ServeTus {
  return async ({ raw, method, path, owner, requestId, log }) => {
    checkTusHeaders(method, raw.headers)
    checkNoTrailer(raw.headers.trailer)
    if (Number(raw.headers['content-length'] ?? 0) > maxBytes) throw new PayloadTooLargeError('The body', maxBytes)
    const { 'upload-checksum': checksum, 'upload-metadata': metadataHeader = '' } = raw.headers
    const pace = method === 'PATCH' || method === 'POST' ? createPatience(patience) : undefined
    const uploads = new OwnUploads(services, {
      owner,
      pace,
      log,
      checksum: checksum === undefined ? undefined : parseChecksum(String(checksum)),
    })
    let failure: unknown
    const server = new Server({
      path: TUS_PATH,
      datastore: uploads,
      maxSize: maxBytes,
      relativeLocation: true,
      // A client that comes again need not wait for the bytes of its former request to trickle in.
      lockDrainTimeout: 1,
      disableTerminationForFinishedUploads: true,
      locker: { newLock: uploadId => lockOf(uploads, uploadId) },
      namingFunction: (request, metadata = {}) => {
        const { filename, contentType } = namesOf(String(metadataHeader), metadata)
        const name = filename ?? defaultFilename(Date.now())
        const size = Number(request.headers.get('upload-length'))
        const filenameGenerated = filename === undefined
        uploads.promised = promise({ owner, filename: name, filenameGenerated, contentType, size, requestId })
        return uploads.promised.uploadId
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
    const body = pace && arrivingBody(raw, pace)
    const response = await server.handleWeb(toWeb(raw, method, path, body?.bytes))
    // Lets go of the request, of which there may be more: whoever answers it reads the rest.
    body?.bytes.return(undefined).catch(() => undefined)
    const text = await response.text()
    if (failure !== undefined || response.status >= 400 || body?.givenUp) await uploads.takeBack()
    if (body?.givenUp) throw body.givenUp
    if (failure instanceof Error && !('status_code' in failure)) throw failure
    if (response.status >= 400) throw tusProblem(response.status, text)
    const headers = [...response.headers].filter(([name]) => !name.startsWith('access-control-'))
    return { status: response.status, headers: Object.fromEntries(headers) }
  }
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
    if (!READ.test(name) || typeof value !== 'string') continue
    // @tus/server compares the type letter by letter.
    headers.set(name, name === 'content-type' && isBytes(value) ? BYTES : value)
  }
  const init = body ? { body: ReadableStream.from(body), duplex: 'half' as const } : {}
  return new Request(`http://tus${path}`, { method, headers, ...init })
}
