import type { FastifyRequest } from 'fastify'
import type { TypeInspector } from '../content/inspect-type.ts'
import { createBodyRateGuard, type MinBodyRate } from '../http/min-body-rate.ts'
import type { IncomingFile } from '../ingest/accept-all.ts'
import { PayloadTooLargeError, type SizeLimit } from '../ingest/errors.ts'
import type { UploadLimits } from '../policies/policies.ts'
import { declaredLength } from './body-headers.ts'
import { MAX_OVERHEAD_BYTES } from './form-reader.ts'
import { fromJson } from './json.ts'
import { fromMultipart } from './multipart.ts'
import { fromRaw } from './raw.ts'
import { type ParsedFile, type UploadQuery, uploadFormatOf } from './upload-format.ts'

export interface IncomingFilesSettings {
  /** Bytes. */
  maxJsonBytes: number
  minBodyRate: MinBodyRate
}

/** Yields the files of a request in any upload format. Each file must be read before the next one is requested. */
export async function* incomingFiles(
  request: FastifyRequest,
  query: UploadQuery,
  limits: UploadLimits,
  { maxJsonBytes, minBodyRate }: IncomingFilesSettings,
): AsyncGenerator<IncomingFile> {
  const format = uploadFormatOf(request.headers, query)
  const { inspector, maxFormFiles, rule } = limits
  const rateGuard = createBodyRateGuard(minBodyRate)
  if (format === 'json') yield inspectFile(await fromJson(request, { maxBytes: maxJsonBytes, rateGuard }), inspector)
  else if (format === 'raw') yield inspectFile(fromRaw(request, query, rateGuard), inspector)
  else {
    checkFormLength(declaredLength(request.headers), { maxBytes: maxFormFiles * limits.maxBytes, rule })
    for await (const file of fromMultipart(request, query, { maxFiles: maxFormFiles, rule, rateGuard }))
      yield inspectFile(file, inspector)
  }
}

/** Rejects a form by its declared length before any of it is read, if no allowed form can have that length. */
function checkFormLength(declared: number | undefined, limit: SizeLimit): void {
  if (declared !== undefined && declared > limit.maxBytes + MAX_OVERHEAD_BYTES)
    throw new PayloadTooLargeError('The form', limit)
}

async function inspectFile(file: ParsedFile, inspector: TypeInspector): Promise<IncomingFile> {
  const { body, contentType } = file
  if (body instanceof Uint8Array) return { ...file, ...(await inspector.whole(body, contentType)) }
  return { ...file, ...inspector.streamed(body, contentType) }
}
