import type { FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { ProblemError } from '../problems/problem.ts'
import { type JsonBodySettings, readJsonBody } from './json-body.ts'
import type { ArrivingFile } from './way.ts'

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
export async function fromJson(request: FastifyRequest, settings: JsonBodySettings): Promise<ArrivingFile> {
  const { filename, content = DEFAULT_CONTENT } = held(request, await readJsonBody(request, request.body, settings))
  // What UTF-8 cannot say would be stored as something else than was sent.
  if (!content.isWellFormed()) throw new ProblemError('invalid-body', 'body/content is not well-formed Unicode.')
  return { filename, contentType: CONTENT_TYPE, body: Buffer.from(content) }
}

/** @throws ProblemError where the JSON is not what describes a file */
function held(request: FastifyRequest, value: unknown): JsonUpload {
  // Not by the route's own body schema: that would be held against forms and files too.
  const validate = request.compileValidationSchema(jsonUploadSchema)
  if (validate(value)) return value as JsonUpload
  const [fault] = validate.errors ?? []
  throw new ProblemError('invalid-body', `body${fault?.instancePath ?? ''} ${fault?.message ?? 'is not valid'}.`)
}
