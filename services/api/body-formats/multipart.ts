import type { FastifyRequest } from 'fastify'
import { type ClientMetadata, checkClientMetadata } from '../../uploads/objects/client-metadata.ts'
import { createDigestCheck, verifyDigests } from '../content/digest-check.ts'
import { type ExpectedDigest, parseDigests } from '../content/digest-field.ts'
import type { BodyRateGuard } from '../http/min-body-rate.ts'
import { ProblemError } from '../problems/problem.ts'
import { declaredLength } from './body-headers.ts'
import { type FormPart, type FormReader, readForm } from './form-reader.ts'
import { malformed } from './malformed.ts'
import type { ParsedFile, UploadQuery } from './upload-format.ts'
import { METADATA_PREFIX } from './upload-metadata.ts'

/** A file of a form, with the name and digests from the fields before it. */
interface FormFile {
  part: Extract<FormPart, { type: 'file' }>
  filename: string | undefined
  digests: ExpectedDigest[]
  metadata: ClientMetadata | undefined
}

/**
 * Reads the files of a form. Each file must be read before the next one is requested. A field `filename` before a file names
 * the file, a field `repr-digest` has its digest, and fields `metadata.NAME` have what the client says about this file and all
 * later ones. Without a field `filename`, the filename of the part counts. If the form has one
 * file, `?filename=` takes precedence.
 *
 * An error in the form after a file fails the body of that file, so that the file is not stored.
 *
 * @throws ProblemError if the form has no file or too many files, or if it is malformed
 */
export async function* fromMultipart(
  request: FastifyRequest,
  query: UploadQuery,
  { maxFiles, rule, rateGuard }: { maxFiles: number; rule?: string | undefined; rateGuard: BodyRateGuard },
): AsyncGenerator<ParsedFile> {
  const form = readForm(request, maxFiles, rateGuard)
  // Without a prototype, so that a field `metadata.__proto__` is refused like every other invalid name.
  const pairs: Record<string, string> = Object.create(null)
  let { file: next } = await nextFile(form, pairs)
  if (!next) throw new ProblemError('missing-file', missingFile(form))
  for (let count = 1; next; count++) {
    const { part, filename, digests, metadata }: FormFile = next
    next = undefined
    const bytes = part.bytes()
    const whole = digests.length > 0 ? verifyDigests(bytes, createDigestCheck(digests)) : bytes
    async function* body(): AsyncGenerator<Uint8Array> {
      yield* whole
      const { file, orphan } = await nextFile(form, pairs)
      if (orphan !== undefined) throw malformed(`The field "${orphan}" must come before its file.`)
      if (!file) return form.end()
      next = file
      if (count === maxFiles)
        throw tooMany(
          `The form has too many files. The maximum${rule === undefined ? '' : ` of the rule "${rule}"`} is ${maxFiles}.`,
        )
      if (query.filename !== undefined) throw tooMany('?filename= names one file, but the form has several.')
    }
    yield {
      filename: query.filename ?? filename,
      contentType: part.contentType,
      metadata,
      body: body(),
      maxBytes: declaredLength(request.headers),
      pace: rateGuard,
    }
  }
}

/**
 * Reads up to the next file, or to the end of the form, and adds the client's metadata to `pairs`. `orphan` is the name of a field that
 * describes a file, without a file after it.
 */
async function nextFile(
  form: FormReader,
  pairs: Record<string, string>,
): Promise<{ file?: FormFile; orphan?: string }> {
  let filename: string | undefined
  let digests: ExpectedDigest[] = []
  let orphan: string | undefined
  for (;;) {
    const part = await form.next()
    if (part === undefined) return orphan === undefined ? {} : { orphan }
    if (part.type === 'file')
      return { file: { part, filename: filename ?? part.filename, digests, metadata: checkClientMetadata(pairs) } }
    if (part.name === 'filename') {
      // A web page sends an empty text for an empty input.
      const text = part.text()
      if (text === '') continue
      filename ??= text
    } else if (part.name === 'repr-digest') digests = parseDigests('The field "repr-digest"', part.text())
    else if (part.name.startsWith(METADATA_PREFIX)) {
      const text = part.text()
      if (text === '') continue
      pairs[part.name.slice(METADATA_PREFIX.length)] = text
    } else continue
    orphan = part.name
  }
}

function tooMany(detail: string): ProblemError {
  return new ProblemError('too-many-files', detail)
}

function missingFile(form: FormReader): string {
  if (form.unfilled() > 0) return 'No file was chosen: every file input of the form is empty.'
  return 'The form has no file: none of its parts has a filename. With curl, use -F file=@PATH.'
}
