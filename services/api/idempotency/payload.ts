import { createHash } from 'node:crypto'
import type { Arriving } from '../ingest/accept-all.ts'
import { createMeter, metered } from '../ingest/meter.ts'

/** A file as it is compared with another. */
export interface PayloadFile {
  filename: string
  contentType: string
  /** Bytes. */
  size: number
  /** Lower-case hex. */
  sha256: string
}

/** A digest of what was sent, whatever the way: a form made anew has another boundary, and is the same payload. */
export function payloadDigest(files: readonly PayloadFile[]): string {
  const list = files.map(({ filename, contentType, size, sha256 }) => [filename, contentType, size, sha256])
  return createHash('sha256').update(JSON.stringify(list)).digest('hex')
}

/**
 * Reads a file to its end and keeps nothing of it.
 *
 * @param maxBytes bytes
 * @throws PayloadTooLargeError, and what the file's body throws
 */
export async function measure({ body, filename = '', contentType }: Arriving, maxBytes: number): Promise<PayloadFile> {
  const meter = createMeter(maxBytes)
  if (body instanceof Uint8Array) meter.take(body)
  else for await (const _chunk of metered(body, meter));
  return { filename, contentType, ...meter.read() }
}
