import type { FastifyMultipartBaseOptions, Multipart, MultipartFile } from '@fastify/multipart'
import type { FastifyRequest } from 'fastify'
import { SlowUploadError } from '../../platform/s3/memory-pool.ts'
import { digestCheckOf } from '../content/digest-check.ts'
import { type Patience, patiently } from '../http/min-body-rate.ts'
import { IncompleteBodyError } from '../ingest/errors.ts'
import { ProblemError } from '../problems/problem.ts'
import { boundaryOf } from './form-boundary.ts'
import { FormGuard, type GuardedPart } from './form-guard.ts'
import { malformed } from './malformed.ts'

/** Fields that a form may have, whether or not they mean anything here. */
const MAX_FIELDS = 16
/** Of the value of a field, in bytes. */
const MAX_FIELD_BYTES = 8 * 1024
/** What of a form is not the content of its files, in bytes: heads of parts, fields, and what stands around the parts. */
export const MAX_OVERHEAD_BYTES = 1024 ** 2

const maxParts = (maxFiles: number) => maxFiles + MAX_FIELDS + 4

/** How forms are read. The size of the files is not limited here: a limit of the parser's cuts a file off and calls it whole. */
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

/** A part of a form. Each file is read before the next part is asked for. */
export type FormPart =
  | { readonly type: 'field'; readonly name: string; text(): string }
  | {
      readonly type: 'file'
      /** Undefined where the part has none. */
      readonly filename: string | undefined
      readonly contentType: string
      /** @throws ProblemError, IncompleteBodyError */
      bytes(): AsyncGenerator<Uint8Array>
    }

/** A form as it arrives: one part after the other. */
export interface FormReader {
  /** The next part, undefined behind the last. @throws ProblemError, IncompleteBodyError */
  next(): Promise<FormPart | undefined>
  /** Behind the last part: holds the form to its digest. @throws ProblemError */
  end(): void
  /** How many file inputs of a page had no file, so far. */
  unfilled(): number
}

/** @throws ProblemError where the form has no boundary that can be read */
export function readForm(request: FastifyRequest, maxFiles: number, patience: Patience): FormReader {
  const { raw } = request
  const check = digestCheckOf(request)
  const guard = new FormGuard({
    boundary: boundaryOf(request.headers['content-type'] ?? ''),
    maxFields: MAX_FIELDS,
    maxParts: maxParts(maxFiles),
    maxOverheadBytes: MAX_OVERHEAD_BYTES,
    onChunk(chunk) {
      patience.received(chunk.byteLength)
      check?.update(chunk)
    },
  })
  const { promise: failed, reject: fail } = Promise.withResolvers<never>()
  // It is only ever waited for beside the next part.
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

  // The plugin reads `request.raw`. Everything else of the request stays as it is.
  const guarded = Object.create(request, { raw: { value: guard } }) as FastifyRequest
  const parts = guarded.parts(multipartOptions(maxFiles))[Symbol.asyncIterator]()
  // What comes is counted above already.
  const counted: Patience = { ...patience, received: () => undefined }
  let read = 0

  async function next(): Promise<FormPart | undefined> {
    try {
      const { done, value } = await patience.wait(Promise.race([parts.next(), failed]))
      if (!done) {
        read++
        return toFormPart(value)
      }
    } catch (cause) {
      throw unreadable(cause)
    }
    if (read !== guard.parts.size) throw misread(`${guard.parts.size} parts`, `${read}`)
    return undefined
  }

  function toFormPart(part: Multipart): FormPart {
    const known = guard.parts.get(Number(part.fieldname))
    if (!known || known.head.isFile !== (part.type === 'file')) throw misread('a part', 'another one')
    const { name = '', filename, contentType = 'application/octet-stream' } = known.head
    if (part.type === 'field') return { type: 'field', name, text: () => textOf(part, known) }
    return { type: 'file', filename, contentType, bytes: () => bytes(part, known) }
  }

  async function* bytes(part: MultipartFile, known: GuardedPart): AsyncGenerator<Uint8Array> {
    let size = 0
    try {
      for await (const chunk of patiently(part.file.iterator({ destroyOnReturn: false }), counted)) {
        size += chunk.byteLength
        yield chunk
      }
    } catch (cause) {
      throw unreadable(cause)
    }
    if (size !== known.bytes) throw misread(`${known.bytes} bytes of a file`, `${size}`)
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
  if (part.value.length !== bytes) throw misread(`${bytes} bytes of a field`, `${part.value.length}`)
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(part.value, 'latin1'))
  } catch (cause) {
    throw malformed(`The field "${name}" is not UTF-8. Send the form in UTF-8.`, cause)
  }
}

/** Never expected: the parser was given a form that can be read in one way only. */
function misread(sent: string, read: string): ProblemError {
  return malformed(`The form was read in two ways: it has ${sent}, and the parser has found ${read}.`)
}

function incomplete(cause?: unknown): IncompleteBodyError {
  return new IncompleteBodyError('The body of the request ended before it was complete.', { cause })
}

function unreadable(cause: unknown): Error {
  if (cause instanceof ProblemError || cause instanceof SlowUploadError) return cause
  if (cause instanceof IncompleteBodyError) return cause
  return malformed('The form cannot be read.', cause)
}
