import type { FastifyRequest } from 'fastify'
import type { TypeInspector } from '../content/inspect-type.ts'
import { createPatience, type PatienceSettings } from '../http/min-body-rate.ts'
import type { Arriving } from '../ingest/accept-all.ts'
import { PayloadTooLargeError } from '../ingest/errors.ts'
import { declaredLength } from './body-headers.ts'
import { MAX_OVERHEAD_BYTES } from './form-reader.ts'
import { fromJson } from './json.ts'
import { fromMultipart } from './multipart.ts'
import { fromRaw } from './raw.ts'
import { type ArrivingFile, type UploadQuery, wayOf } from './way.ts'

export interface ArrivingFilesSettings {
  inspector: TypeInspector
  /** Bytes. */
  maxJsonBytes: number
  maxFormFiles: number
  /** Of each file, in bytes. */
  maxFileBytes: number
  /** How slowly a body may arrive. */
  patience: PatienceSettings
}

/** The files of a request, by whatever way they come. Each is to be read before the next is asked for. */
export async function* arrivingFiles(
  request: FastifyRequest,
  query: UploadQuery,
  { inspector, maxJsonBytes, maxFormFiles, maxFileBytes, ...settings }: ArrivingFilesSettings,
): AsyncGenerator<Arriving> {
  const way = wayOf(request.headers, query)
  const patience = createPatience(settings.patience)
  if (way === 'json') yield inspected(await fromJson(request, { maxBytes: maxJsonBytes, patience }), inspector)
  else if (way === 'raw') yield inspected(fromRaw(request, query, patience), inspector)
  else {
    checkFormLength(declaredLength(request.headers), maxFormFiles * maxFileBytes)
    for await (const file of fromMultipart(request, query, { maxFiles: maxFormFiles, patience }))
      yield inspected(file, inspector)
  }
}

/** What no form can have is known before any of it is read. */
function checkFormLength(declared: number | undefined, maxBytes: number): void {
  if (declared !== undefined && declared > maxBytes + MAX_OVERHEAD_BYTES)
    throw new PayloadTooLargeError('The form', maxBytes)
}

async function inspected(file: ArrivingFile, inspector: TypeInspector): Promise<Arriving> {
  const { body, contentType } = file
  if (body instanceof Uint8Array) return { ...file, ...(await inspector.whole(body, contentType)) }
  return { ...file, ...inspector.streamed(body, contentType) }
}
