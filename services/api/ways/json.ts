import type { FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { digestCheckOf } from '../content/digest-check.ts'
import type { Patience } from '../http/patience.ts'
import { ProblemError } from '../problems/problem.ts'
import { readBody } from './read-body.ts'
import { type ArrivingFile, declaredLength } from './way.ts'

export const jsonUploadSchema = Type.Object(
  {
    filename: Type.Optional(
      Type.String({
        description: 'The name of the file. Left out, it is `file-<epoch ms>.txt`.',
        examples: ['demo.txt'],
      }),
    ),
    content: Type.Optional(
      Type.String({ description: 'The text of the file. Left out, it is `empty`.', examples: ['hello kinesis'] }),
    ),
  },
  { additionalProperties: false },
)

type JsonUpload = Static<typeof jsonUploadSchema>

const CONTENT_TYPE = 'text/plain; charset=utf-8'
const DEFAULT_CONTENT = 'empty'

/** The body describes the file: a text and its name. */
export async function fromJson(request: FastifyRequest, maxBytes: number, patience: Patience): Promise<ArrivingFile> {
  const { filename, content = DEFAULT_CONTENT } = await readJson(request, maxBytes, patience)
  // What UTF-8 cannot say would be stored as something else than was sent.
  if (!content.isWellFormed()) throw new ProblemError('invalid-body', 'body/content is not well-formed Unicode.')
  return { filename, contentType: CONTENT_TYPE, body: Buffer.from(content) }
}

async function readJson(request: FastifyRequest, maxBytes: number, patience: Patience): Promise<JsonUpload> {
  const check = digestCheckOf(request)
  const declared = declaredLength(request.headers)
  const body = await readBody(request.body, { limit: maxBytes, declared, patience })
  check?.update(body)
  check?.verify()
  const value = parse(body)
  // Not by the route's own body schema: that would be held against forms and files too.
  const validate = request.compileValidationSchema(jsonUploadSchema)
  if (validate(value)) return value as JsonUpload
  const [fault] = validate.errors ?? []
  throw new ProblemError('invalid-body', `body${fault?.instancePath ?? ''} ${fault?.message ?? 'is not valid'}.`)
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (cause) {
    throw new ProblemError(
      'malformed-json',
      body.length === 0 ? 'The body is empty.' : 'The body is not JSON in UTF-8.',
      {
        cause,
      },
    )
  }
}
