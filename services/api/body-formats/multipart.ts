import type { FastifyRequest } from 'fastify'
import { checked, createDigestCheck } from '../content/digest-check.ts'
import { type ExpectedDigest, parseDigests } from '../content/digest-field.ts'
import type { Patience } from '../http/min-body-rate.ts'
import { ProblemError } from '../problems/problem.ts'
import { declaredLength } from './body-headers.ts'
import { type FormPart, type FormReader, readForm } from './form-reader.ts'
import { malformed } from './malformed.ts'
import type { ArrivingFile, UploadQuery } from './way.ts'

/** A file of a form, with what the fields before it have said of it. */
interface FormFile {
  part: Extract<FormPart, { type: 'file' }>
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
  if (!next) throw new ProblemError('missing-file', missingFile(form))
  for (let count = 1; next; count++) {
    const { part, filename, digests }: FormFile = next
    next = undefined
    const bytes = part.bytes()
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
      contentType: part.contentType,
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
    if (part.type === 'file') return { file: { part, filename: filename ?? part.filename, digests } }
    if (part.name === 'filename') {
      // A page sends an empty text for an input that nobody has filled.
      const text = part.text()
      if (text === '') continue
      filename ??= text
    } else if (part.name === 'repr-digest') digests = parseDigests('The field "repr-digest"', part.text())
    else continue
    orphan = part.name
  }
}

function tooMany(detail: string): ProblemError {
  return new ProblemError('too-many-files', detail)
}

function missingFile(form: FormReader): string {
  if (form.unfilled() > 0) return 'No file was chosen: every file of the form has neither a name nor bytes.'
  return 'The form has no part that is a file: none has a filename. With curl, write -F file=@PATH.'
}
