import type { FastifyRequest } from 'fastify'
import { ProblemError } from '../problems/problem.ts'

type Headers = FastifyRequest['headers']

/**
 * Rejects a body with a content encoding. Bodies are stored as they are, and readers would not know that they are compressed.
 *
 * @throws ProblemError
 */
export function checkNotEncoded({ 'content-encoding': encoding }: Headers): void {
  if (isIdentity(encoding)) return
  throw new ProblemError('unsupported-media-type', 'Send the body without a Content-Encoding.')
}

/** True if a `Content-Encoding` leaves the bytes unchanged. It is a list of case-insensitive codings (RFC 9110, 8.4.1). */
export function isIdentity(encoding: string | undefined): boolean {
  return (encoding ?? '').split(',').every(coding => /^(?:identity)?$/i.test(coding.trim()))
}

/** Rejects JSON with a charset other than UTF-8 (RFC 8259). @throws ProblemError */
export function checkJsonCharset({ 'content-type': contentType = '' }: Headers): void {
  const [, ...parameters] = contentType.split(';')
  if (!parameters.every(isUtf8Parameter)) throw new ProblemError('unsupported-media-type', 'Send JSON in UTF-8.')
}

/** True unless the parameter is a charset other than UTF-8. US-ASCII is a subset of UTF-8. */
function isUtf8Parameter(parameter: string): boolean {
  const [name = '', value = ''] = parameter.split('=').map(part => part.trim().toLowerCase())
  return name !== 'charset' || /^"?(utf-?8|us-ascii)"?$/.test(value)
}

/** Returns the size of a body by its `Content-Length`, in bytes. */
export function declaredLength({ 'content-length': length }: Headers): number | undefined {
  return length === undefined ? undefined : Number(length)
}
