import type { MultipartFile } from '@fastify/multipart'
import type { FastifyRequest } from 'fastify'
import { checked, createDigestCheck } from '../content/digest-check.ts'
import { type ExpectedDigest, parseDigests } from '../content/digest-field.ts'
import type { Patience } from '../http/patience.ts'
import { ProblemError } from '../problems/problem.ts'
import { declaredLength } from './body-headers.ts'
import { type FormReader, malformed, readForm, textOf } from './form-reader.ts'
import type { ArrivingFile, UploadQuery } from './way.ts'

/** A file of a form, with what the fields before it have said of it. */
interface FormFile {
  part: MultipartFile
  filename: string | undefined
  digests: ExpectedDigest[]
}

/**
 * The body is a form with one file or several, and each comes once the one before it is read. The name of a file is that of a
 * field `filename` before it, else its own; of an only file it may be the query's. A field `repr-digest` is of the file
 * behind it.
 *
 * What is wrong with the form behind a file fails the body of the last file, so that nothing of it has been stored by then
 * which would have to be taken back.
 *
 * @throws ProblemError where there is no file, there are too many, or the form cannot be read
 */
export async function* fromMultipart(
  request: FastifyRequest,
  query: UploadQuery,
  { maxFiles, patience }: { maxFiles: number; patience: Patience },
): AsyncGenerator<ArrivingFile> {
  const form = readForm(request, maxFiles, patience)
  let { file: next } = await nextFile(form)
  if (!next) throw new ProblemError('missing-file', 'The form has no part that is a file.')
  for (let count = 1; next; count++) {
    const { part, filename, digests }: FormFile = next
    next = undefined
    const bytes = form.bytes(part)
    const whole = digests.length > 0 ? checked(bytes, createDigestCheck(digests)) : bytes
    async function* body(): AsyncGenerator<Uint8Array> {
      yield* whole
      const { file, orphan } = await nextFile(form)
      if (orphan !== undefined) throw malformed(`The field "${orphan}" must come before the file.`)
      if (!file) return form.end()
      next = file
      if (count === maxFiles)
        throw tooMany(`Send ${maxFiles === 1 ? 'one file' : `${maxFiles} files`} in a form at most.`)
      if (query.filename !== undefined) throw tooMany('?filename= names one file, and the form has several.')
    }
    yield {
      filename: query.filename ?? filename,
      contentType: part.mimetype,
      body: body(),
      maxBytes: declaredLength(request.headers),
      pace: patience,
    }
  }
}

/** Reads on to the next file, or to the end of the form. `orphan` is a field there that is of a file and has none behind it. */
async function nextFile(form: FormReader): Promise<{ file?: FormFile; orphan?: string }> {
  let filename: string | undefined
  let digests: ExpectedDigest[] = []
  let orphan: string | undefined
  for (;;) {
    const part = await form.next()
    if (part === undefined) return orphan === undefined ? {} : { orphan }
    // A part may be a file without a name: then the types are wrong.
    if (part.type === 'file')
      return { file: { part, filename: filename ?? (part.filename as string | undefined), digests } }
    if (part.fieldname === 'filename') filename ??= textOf(part)
    else if (part.fieldname === 'repr-digest') digests = parseDigests('The field "repr-digest"', textOf(part))
    else continue
    orphan = part.fieldname
  }
}

function tooMany(detail: string): ProblemError {
  return new ProblemError('too-many-files', detail)
}
