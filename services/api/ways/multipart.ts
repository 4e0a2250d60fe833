import type { FastifyMultipartBaseOptions, Multipart, MultipartFile } from '@fastify/multipart'
import type { FastifyRequest } from 'fastify'
import { IncompleteBodyError } from '../ingest/errors.ts'
import { ProblemError } from '../problems/problem.ts'
import type { ArrivingFile, UploadQuery } from './way.ts'

type Parts = AsyncIterator<Multipart>

/**
 * How forms are read. The size of the file is not limited here: a limit of the parser's cuts the file off and calls it
 * whole. The names are taken as they were sent: a path that was cut to its last part could not be refused any more.
 */
export const multipartOptions = {
  preservePath: true,
  throwFileSizeLimit: false,
  limits: { fileSize: Number.POSITIVE_INFINITY, fields: 16, fieldSize: 8 * 1024, parts: 20, headerPairs: 32 },
} as const satisfies FastifyMultipartBaseOptions & { throwFileSizeLimit: boolean }

/**
 * The body is a form with one file. Its name is the query's, else that of a field `filename` before the file, else the
 * file's own.
 *
 * @throws ProblemError where there is no file, or the form cannot be read
 */
export async function fromMultipart(request: FastifyRequest, query: UploadQuery): Promise<ArrivingFile> {
  const parts = request.parts(multipartOptions)[Symbol.asyncIterator]()
  let named = query.filename
  for (;;) {
    const part = await nextPart(parts, request)
    if (part === undefined) throw new ProblemError('missing-file', 'The form has no part that is a file.')
    if (part.type === 'file') return fileOf(part, named, parts, request)
    if (part.fieldname === 'filename') named ??= textOf(part)
  }
}

function fileOf(part: MultipartFile, named: string | undefined, parts: Parts, request: FastifyRequest): ArrivingFile {
  // A part may be a file without a name: then the types are wrong.
  const own: string | undefined = part.filename
  return { filename: named ?? own, contentType: part.mimetype, body: wholeForm(part, parts, request) }
}

/**
 * The bytes of the file; and its end is the end of the form. What is wrong behind the file so fails the file's body too,
 * and nothing has been stored by then that would have to be taken back.
 */
async function* wholeForm(part: MultipartFile, parts: Parts, request: FastifyRequest): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of part.file.iterator({ destroyOnReturn: false })) yield chunk
  } catch (cause) {
    throw unreadable(cause, request)
  }
  for (;;) {
    const next = await nextPart(parts, request)
    if (next === undefined) return
    if (next.type === 'file') throw new ProblemError('too-many-files', 'Send one file in a form.')
    if (next.fieldname === 'filename') {
      throw new ProblemError('malformed-multipart', 'The field "filename" must come before the file.')
    }
  }
}

async function nextPart(parts: Parts, request: FastifyRequest): Promise<Multipart | undefined> {
  try {
    const { done, value } = await parts.next()
    return done ? undefined : value
  } catch (cause) {
    throw unreadable(cause, request)
  }
}

function textOf(part: Extract<Multipart, { type: 'field' }>): string {
  if (typeof part.value === 'string' && !part.valueTruncated) return part.value
  throw new ProblemError('malformed-multipart', `The field "${part.fieldname}" is not a short text.`)
}

function unreadable(cause: unknown, { raw }: FastifyRequest): Error {
  if (raw.destroyed && !raw.complete) {
    return new IncompleteBodyError('The body of the request ended before it was complete.', { cause })
  }
  return new ProblemError('malformed-multipart', 'The form is cut off, has no boundary, or is too complicated.', {
    cause,
  })
}
