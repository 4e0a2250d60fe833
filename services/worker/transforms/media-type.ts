import { MIMEType } from 'node:util'

const OPAQUE = new Set(['application/octet-stream', 'binary/octet-stream'])

/** Reads a content type. Undefined where it is none. */
export function parseMediaType(contentType: string): MIMEType | undefined {
  try {
    return new MIMEType(contentType)
  } catch {
    return undefined // A client wrote something else there: then the type is as good as not given.
  }
}

/** Whether a content type says nothing of the content: absent, malformed, or "some bytes". */
export function isOpaque(type: MIMEType | undefined): boolean {
  return type === undefined || OPAQUE.has(type.essence)
}
