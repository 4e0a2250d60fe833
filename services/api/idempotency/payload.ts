import { createHash } from 'node:crypto'
import { sortedPairs } from '../../uploads/objects/client-metadata.ts'
import type { IncomingFile } from '../ingest/accept-all.ts'
import type { SizeLimit } from '../ingest/errors.ts'
import { Meter, meterBody } from '../ingest/meter.ts'

/** The properties of a file that are compared between two requests. */
export interface PayloadFile {
  filename: string
  contentType: string
  /** Bytes. */
  size: number
  /** Lower-case hex. */
  sha256?: string
  metadata?: Readonly<Record<string, string>> | undefined
}

/**
 * Returns a digest of the files of a request. The digest does not depend on how the files were encoded: the same form with another
 * boundary has the same digest.
 */
export function payloadDigest(files: readonly PayloadFile[]): string {
  const list = files.map(({ filename, contentType, size, sha256, metadata }) => [
    filename,
    contentType,
    size,
    sha256,
    ...(metadata ? [sortedPairs(metadata)] : []),
  ])
  return createHash('sha256').update(JSON.stringify(list)).digest('hex')
}

/**
 * Reads a file to its end, and keeps none of its bytes.
 *
 * @throws PayloadTooLargeError, and what the file's body throws
 */
export async function measureFile(
  { body, filename = '', contentType, metadata }: Pick<IncomingFile, 'body' | 'filename' | 'contentType' | 'metadata'>,
  limits: SizeLimit,
): Promise<PayloadFile> {
  const meter = new Meter(limits)
  if (body instanceof Uint8Array) meter.add(body)
  else for await (const _chunk of meterBody(body, meter));
  return { filename, contentType, metadata, ...meter.read() }
}
