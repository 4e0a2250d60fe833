import type { FastifyMultipartBaseOptions, Multipart, MultipartFile } from '@fastify/multipart'
import type { FastifyRequest } from 'fastify'
import { SlowUploadError } from '../../platform/s3/memory-pool.ts'
import { digestCheckOf } from '../content/digest-check.ts'
import { type BodyRateGuard, enforceRate } from '../http/min-body-rate.ts'
import { IncompleteBodyError } from '../ingest/errors.ts'
import { ProblemError } from '../problems/problem.ts'
import { boundaryOf } from './form-boundary.ts'
import { FormGuard, type GuardedPart } from './form-guard.ts'
import { malformed } from './malformed.ts'

/** Maximum number of fields of a form, including unknown ones. */
const MAX_FIELDS = 16
/** Maximum size of the value of a field, in bytes. */
const MAX_FIELD_BYTES = 8 * 1024
/** Maximum size of everything but the content of files, in bytes: headers of parts, fields, and text around the parts. */
export const MAX_OVERHEAD_BYTES = 1024 ** 2

const maxParts = (maxFiles: number) => maxFiles + MAX_FIELDS + 4

/** Returns the options of the form parser. They do not limit the size of files, because the parser would truncate a file silently. */
export function multipartOptions(maxFiles: number) {
  return {
    preservePath: true,
    throwFileSizeLimit: false,
    limits: {
      fileSize: Number.POSITIVE_INFINITY,
      fields: MAX_FIELDS,
      fieldSize: MAX_FIELD_BYTES,
      parts: maxParts(maxFiles),
      headerPairs: 32,
    },
  } as const satisfies FastifyMultipartBaseOptions & { throwFileSizeLimit: boolean }
}

/** A part of a form. A file must be read before the next part is requested. */
export type FormPart =
  | { readonly type: 'field'; readonly name: string; text(): string }
  | {
      readonly type: 'file'
      /** Undefined if the part has no filename. */
      readonly filename: string | undefined
      readonly contentType: string
      /** @throws ProblemError, IncompleteBodyError */
      bytes(): AsyncGenerator<Uint8Array>
    }

/** Reads a form part by part while it arrives. */
export interface FormReader {
  /** Resolves to the next part, or to undefined after the last one. @throws ProblemError, IncompleteBodyError */
  next(): Promise<FormPart | undefined>
  /** Verifies the digest of the form. Call it after the last part. @throws ProblemError */
  end(): void
  /** Returns the number of file inputs without a file, so far. */
  unfilled(): number
}

/** @throws ProblemError if the form has no valid boundary */
export function readForm(request: FastifyRequest, maxFiles: number, rateGuard: BodyRateGuard): FormReader {
  const { raw } = request
  const check = digestCheckOf(request)
  const guard = new FormGuard({
    boundary: boundaryOf(request.headers['content-type'] ?? ''),
    maxFields: MAX_FIELDS,
    maxParts: maxParts(maxFiles),
    maxOverheadBytes: MAX_OVERHEAD_BYTES,
    onChunk(chunk) {
      rateGuard.received(chunk.byteLength)
      check?.update(chunk)
    },
  })
  const { promise: failed, reject: fail } = Promise.withResolvers<never>()
  // Only `next` awaits it, together with the next part. Until then it must not count as unhandled.
  failed.catch(() => undefined)
  guard.on('error', fail)
  const lose = (cause?: unknown) => guard.destroy(incomplete(cause))
  const loseIfCut = () => {
    if (!raw.complete && !raw.readableEnded) lose()
  }
  raw.once('error', lose)
  if (raw.destroyed) loseIfCut()
  else raw.once('close', loseIfCut)
  raw.pipe(guard)

  // The plugin reads `request.raw`, which is replaced by the guard. Everything else of the request stays the same.
  const guarded = Object.create(request, { raw: { value: guard } }) as FastifyRequest
  const parts = guarded.parts(multipartOptions(maxFiles))[Symbol.asyncIterator]()
  // The guard already counts the received bytes.
  const counted: BodyRateGuard = { ...rateGuard, received: () => undefined }
  let read = 0

  async function next(): Promise<FormPart | undefined> {
    try {
      const { done, value } = await rateGuard.wait(Promise.race([parts.next(), failed]))
      if (!done) {
        read++
        return toFormPart(value)
      }
    } catch (cause) {
      throw unreadable(cause)
    }
    if (read !== guard.parts.size) throw parserMismatch(`${guard.parts.size} parts`, `${read}`)
    return undefined
  }

  function toFormPart(part: Multipart): FormPart {
    const known = guard.parts.get(Number(part.fieldname))
    if (!known || known.head.isFile !== (part.type === 'file')) throw parserMismatch('a part', 'another one')
    const { name = '', filename, contentType = 'application/octet-stream' } = known.head
    if (part.type === 'field') return { type: 'field', name, text: () => textOf(part, known) }
    return { type: 'file', filename, contentType, bytes: () => bytes(part, known) }
  }

  async function* bytes(part: MultipartFile, known: GuardedPart): AsyncGenerator<Uint8Array> {
    let size = 0
    try {
      for await (const chunk of enforceRate(part.file.iterator({ destroyOnReturn: false }), counted)) {
        size += chunk.byteLength
        yield chunk
      }
    } catch (cause) {
      throw unreadable(cause)
    }
    if (size !== known.bytes) throw parserMismatch(`${known.bytes} bytes of a file`, `${size}`)
  }

  return { next, end: () => check?.verify(), unfilled: () => guard.unfilled }
}

/** Returns the value of a field as text. @throws ProblemError if it is too long or not UTF-8 text */
function textOf(part: Extract<Multipart, { type: 'field' }>, { head, bytes }: GuardedPart): string {
  const { name, contentType = 'text/plain' } = head
  const isText = /^text\/plain *(?:;|$)/i.test(contentType)
  if (!isText || typeof part.value !== 'string' || part.valueTruncated) {
    throw malformed(`The field "${name}" is not a text of at most ${MAX_FIELD_BYTES} bytes.`)
  }
  if (part.value.length !== bytes) throw parserMismatch(`${bytes} bytes of a field`, `${part.value.length}`)
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(part.value, 'latin1'))
  } catch (cause) {
    throw malformed(`The field "${name}" is not UTF-8. Send the form in UTF-8.`, cause)
  }
}

/** The error for a parser that read the form differently than the guard. It is never expected. */
function parserMismatch(sent: string, read: string): ProblemError {
  return malformed(`The form could not be parsed safely: it has ${sent}, but the parser found ${read}.`)
}

function incomplete(cause?: unknown): IncompleteBodyError {
  return new IncompleteBodyError('The body of the request ended before it was complete.', { cause })
}

function unreadable(cause: unknown): Error {
  if (cause instanceof ProblemError || cause instanceof SlowUploadError) return cause
  if (cause instanceof IncompleteBodyError) return cause
  return malformed('The form could not be parsed.', cause)
}
