import type { FastifyRequest } from 'fastify'
import type { TypeInspector } from '../content/inspect-type.ts'
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
}

/** The files of a request, by whatever way they come. Each is to be read before the next is asked for. */
export async function* arrivingFiles(
  request: FastifyRequest,
  query: UploadQuery,
  { inspector, maxJsonBytes, maxFormFiles }: ArrivingFilesSettings,
): AsyncGenerator<Arriving> {
  const way = wayOf(request.headers, query)
  if (way === 'json') yield inspected(await fromJson(request, maxJsonBytes), inspector)
  else if (way === 'raw') yield inspected(fromRaw(request, query), inspector)
  else for await (const file of fromMultipart(request, query, maxFormFiles)) yield inspected(file, inspector)
}

async function inspected(file: ArrivingFile, inspector: TypeInspector): Promise<Arriving> {
  const { body, contentType } = file
  if (body instanceof Uint8Array) return { ...file, ...(await inspector.whole(body, contentType)) }
  return { ...file, ...inspector.streamed(body, contentType) }
}
