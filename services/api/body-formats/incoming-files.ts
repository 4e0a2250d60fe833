import type { FastifyRequest } from 'fastify'
import type { TypeInspector } from '../content/inspect-type.ts'
import { createBodyRateGuard, type MinBodyRate } from '../http/min-body-rate.ts'
import type { IncomingFile } from '../ingest/accept-all.ts'
import { PayloadTooLargeError } from '../ingest/errors.ts'
import { declaredLength } from './body-headers.ts'
import { MAX_OVERHEAD_BYTES } from './form-reader.ts'
import { fromJson } from './json.ts'
import { fromMultipart } from './multipart.ts'
import { fromRaw } from './raw.ts'
import { type ParsedFile, type UploadQuery, uploadFormatOf } from './upload-format.ts'

export interface IncomingFilesSettings {
  inspector: TypeInspector
  /** Bytes. */
  maxJsonBytes: number
  maxFormFiles: number
  /** Maximum size of each file, in bytes. */
  maxFileBytes: number
  minBodyRate: MinBodyRate
}

/** Yields the files of a request in any upload format. Each file must be read before the next one is requested. */
export async function* incomingFiles(
  request: FastifyRequest,
  query: UploadQuery,
  { inspector, maxJsonBytes, maxFormFiles, maxFileBytes, ...settings }: IncomingFilesSettings,
): AsyncGenerator<IncomingFile> {
  const format = uploadFormatOf(request.headers, query)
  const rateGuard = createBodyRateGuard(settings.minBodyRate)
  if (format === 'json') yield inspectFile(await fromJson(request, { maxBytes: maxJsonBytes, rateGuard }), inspector)
  else if (format === 'raw') yield inspectFile(fromRaw(request, query, rateGuard), inspector)
  else {
    checkFormLength(declaredLength(request.headers), maxFormFiles * maxFileBytes)
    for await (const file of fromMultipart(request, query, { maxFiles: maxFormFiles, rateGuard }))
      yield inspectFile(file, inspector)
  }
}

/** Rejects a form by its declared length before any of it is read, if no allowed form can have that length. */
function checkFormLength(declared: number | undefined, maxBytes: number): void {
  if (declared !== undefined && declared > maxBytes + MAX_OVERHEAD_BYTES)
    throw new PayloadTooLargeError('The form', maxBytes)
}

async function inspectFile(file: ParsedFile, inspector: TypeInspector): Promise<IncomingFile> {
  const { body, contentType } = file
  if (body instanceof Uint8Array) return { ...file, ...(await inspector.whole(body, contentType)) }
  return { ...file, ...inspector.streamed(body, contentType) }
}
