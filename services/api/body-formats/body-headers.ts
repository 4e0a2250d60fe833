import type { FastifyRequest } from 'fastify'
import { ProblemError } from '../problems/problem.ts'

type Headers = FastifyRequest['headers']

/** What is kept are the bytes as they come: nobody would know that they are compressed. @throws ProblemError */
export function checkNotEncoded({ 'content-encoding': encoding }: Headers): void {
  if (isIdentity(encoding)) return
  throw new ProblemError('unsupported-media-type', 'Send the body without a Content-Encoding.')
}

/** Whether a `Content-Encoding` leaves the bytes as they are. It is a list, and its codings are case-insensitive (RFC 9110, 8.4.1). */
export function isIdentity(encoding: string | undefined): boolean {
  return (encoding ?? '').split(',').every(coding => /^(?:identity)?$/i.test(coding.trim()))
}

/** JSON is UTF-8 (RFC 8259): no parameter of its type must say another charset. @throws ProblemError */
export function checkJsonCharset({ 'content-type': contentType = '' }: Headers): void {
  const [, ...parameters] = contentType.split(';')
  if (!parameters.every(isNoOtherCharset)) throw new ProblemError('unsupported-media-type', 'Send JSON in UTF-8.')
}

/** US-ASCII is UTF-8 already. */
function isNoOtherCharset(parameter: string): boolean {
  const [name = '', value = ''] = parameter.split('=').map(part => part.trim().toLowerCase())
  return name !== 'charset' || /^"?(utf-?8|us-ascii)"?$/.test(value)
}

/** The size of a body as its headers have it, in bytes. */
export function declaredLength({ 'content-length': length }: Headers): number | undefined {
  return length === undefined ? undefined : Number(length)
}
