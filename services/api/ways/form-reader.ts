import { finished } from 'node:stream/promises'
import type { FastifyMultipartBaseOptions, Multipart, MultipartFile } from '@fastify/multipart'
import type { FastifyRequest } from 'fastify'
import { SlowUploadError } from '../../platform/s3/memory-pool.ts'
import { digestCheckOf } from '../content/digest-check.ts'
import { type Patience, patiently } from '../http/patience.ts'
import { IncompleteBodyError } from '../ingest/errors.ts'
import { ProblemError } from '../problems/problem.ts'

/** Fields that a form may have, whether or not they mean anything here. */
const MAX_FIELDS = 16
/** What of a form is not the content of its files, in bytes: heads of parts, fields, and parts that are passed over. */
export const MAX_OVERHEAD_BYTES = 1024 ** 2

/**
 * How forms are read. The size of the files is not limited here: a limit of the parser's cuts a file off and calls it
 * whole. The names are taken as they were sent: a path that was cut to its last part could not be refused any more.
 */
export function multipartOptions(maxFiles: number) {
  const parts = maxFiles + MAX_FIELDS + 4
  return {
    preservePath: true,
    throwFileSizeLimit: false,
    limits: {
      fileSize: Number.POSITIVE_INFINITY,
      fields: MAX_FIELDS,
      fieldSize: 8 * 1024,
      parts,
      headerPairs: 32,
    },
  } as const satisfies FastifyMultipartBaseOptions & { throwFileSizeLimit: boolean }
}

/** A form as it arrives: one part after the other, each file read before the next part comes. */
export interface FormReader {
  /** The next part, undefined behind the last. @throws ProblemError, IncompleteBodyError */
  next(): Promise<Multipart | undefined>
  /** The bytes of a file. @throws ProblemError, IncompleteBodyError */
  bytes(part: MultipartFile): AsyncGenerator<Uint8Array>
  /** Behind the last part: reads what is left of the body, and holds the form to its digest. @throws ProblemError */
  end(): Promise<void>
}

export function readForm(request: FastifyRequest, maxFiles: number, patience: Patience): FormReader {
  const { raw } = request
  const check = digestCheckOf(request)
  let overhead = 0
  const { promise: overflow, reject } = Promise.withResolvers<never>()
  // It is only ever waited for beside the next part.
  overflow.catch(() => undefined)
  // Beside the parser, which takes the pace. What a file has not been read of yet is counted too: that is less than a part.
  raw.on('data', (chunk: Uint8Array) => {
    overhead += chunk.byteLength
    patience.received(chunk.byteLength)
    if (overhead > MAX_OVERHEAD_BYTES) reject(malformed('The form has more around its files than is read.'))
    check?.update(chunk)
  })
  // A parser that begins after the connection was lost is told of no end, and would wait for as long as a slow client may take.
  const { promise: lost, reject: lose } = Promise.withResolvers<never>()
  lost.catch(() => undefined)
  const loseIfCut = () => {
    if (!raw.complete && !raw.readableEnded) lose(incomplete())
  }
  if (raw.destroyed) loseIfCut()
  else raw.once('close', loseIfCut)
  // What comes is counted above already.
  const counted: Patience = { ...patience, received: () => undefined }
  const parts = request.parts(multipartOptions(maxFiles))[Symbol.asyncIterator]()

  return {
    async next() {
      try {
        const { done, value } = await patience.wait(Promise.race([parts.next(), overflow, lost]))
        return done ? undefined : value
      } catch (cause) {
        throw unreadable(cause, request)
      }
    },

    async *bytes(part) {
      try {
        for await (const chunk of patiently(part.file.iterator({ destroyOnReturn: false }), counted)) {
          overhead -= chunk.byteLength
          yield chunk
        }
      } catch (cause) {
        throw unreadable(cause, request)
      }
    },

    async end() {
      if (!check) return
      // Behind the last boundary there may be more, which is nothing to the parser but part of the body.
      if (!raw.readableEnded) await patience.wait(Promise.race([restOf(request), overflow]))
      check.verify()
    },
  }
}

async function restOf(request: FastifyRequest): Promise<void> {
  const { raw } = request
  try {
    raw.resume()
    await finished(raw, { writable: false })
  } catch (cause) {
    throw unreadable(cause, request)
  }
}

/** A short text of the form. @throws ProblemError where it is none */
export function textOf(part: Extract<Multipart, { type: 'field' }>): string {
  if (typeof part.value === 'string' && !part.valueTruncated) return part.value
  throw malformed(`The field "${part.fieldname}" is not a short text.`)
}

export function malformed(detail: string, cause?: unknown): ProblemError {
  return new ProblemError('malformed-multipart', detail, { cause })
}

function incomplete(cause?: unknown): IncompleteBodyError {
  return new IncompleteBodyError('The body of the request ended before it was complete.', { cause })
}

function unreadable(cause: unknown, { raw }: FastifyRequest): Error {
  if (cause instanceof ProblemError || cause instanceof SlowUploadError) return cause
  if (cause instanceof IncompleteBodyError) return cause
  if (raw.destroyed && !raw.complete) return incomplete(cause)
  return malformed('The form is cut off, has no boundary, or is too complicated.', cause)
}
