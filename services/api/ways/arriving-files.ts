import type { FastifyRequest } from 'fastify'
import type { TypeInspector } from '../content/inspect-type.ts'
import { createPatience, type PatienceSettings } from '../http/patience.ts'
import type { Arriving } from '../ingest/accept-all.ts'
import { fromJson } from './json.ts'
import { fromMultipart } from './multipart.ts'
import { fromRaw } from './raw.ts'
import { type ArrivingFile, type UploadQuery, wayOf } from './way.ts'

export interface ArrivingFilesSettings {
  inspector: TypeInspector
  /** Bytes. */
  maxJsonBytes: number
  maxFormFiles: number
  /** How slowly a body may arrive. */
  patience: PatienceSettings
}

/** The files of a request, by whatever way they come. Each is to be read before the next is asked for. */
export async function* arrivingFiles(
  request: FastifyRequest,
  query: UploadQuery,
  { inspector, maxJsonBytes, maxFormFiles, ...settings }: ArrivingFilesSettings,
): AsyncGenerator<Arriving> {
  const way = wayOf(request.headers, query)
  const patience = createPatience(settings.patience)
  if (way === 'json') yield inspected(await fromJson(request, { maxBytes: maxJsonBytes, patience }), inspector)
  else if (way === 'raw') yield inspected(fromRaw(request, query, patience), inspector)
  else
    for await (const file of fromMultipart(request, query, { maxFiles: maxFormFiles, patience }))
      yield inspected(file, inspector)
}

async function inspected(file: ArrivingFile, inspector: TypeInspector): Promise<Arriving> {
  const { body, contentType } = file
  if (body instanceof Uint8Array) return { ...file, ...(await inspector.whole(body, contentType)) }
  return { ...file, ...inspector.streamed(body, contentType) }
}
