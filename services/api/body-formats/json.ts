import type { FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { checkClientMetadata } from '../../uploads/objects/client-metadata.ts'
import { ProblemError } from '../problems/problem.ts'
import { type JsonBodySettings, readJsonBody } from './json-body.ts'
import type { ParsedFile } from './upload-format.ts'

/** What a client says about its file. `checkClientMetadata` checks the names, values and sizes. */
export const metadataSchema = Type.Record(Type.String(), Type.String(), {
  description: 'What you want to keep with the file, by names of your own. At most 1,024 bytes.',
  examples: [{ project: 'apollo' }],
})

export const jsonUploadSchema = Type.Object(
  {
    filename: Type.Optional(
      Type.String({
        description: 'The name of the file. Default: `file-<epoch ms>.txt`.',
        examples: ['demo.txt'],
      }),
    ),
    content: Type.Optional(
      Type.String({ description: 'The text of the file. Default: `empty`.', examples: ['hello kinesis'] }),
    ),
    metadata: Type.Optional(metadataSchema),
  },
  { additionalProperties: false },
)

type JsonUpload = Static<typeof jsonUploadSchema>

const CONTENT_TYPE = 'text/plain; charset=utf-8'
const DEFAULT_CONTENT = 'empty'

/** Reads a file from JSON: a text and its name. */
export async function fromJson(request: FastifyRequest, settings: JsonBodySettings): Promise<ParsedFile> {
  const {
    filename,
    content = DEFAULT_CONTENT,
    metadata = {},
  } = validated(request, await readJsonBody(request, request.body, settings))
  // Text that is not well-formed can't be encoded as UTF-8 without a change.
  if (!content.isWellFormed()) throw new ProblemError('invalid-body', 'body/content is not well-formed Unicode.')
  return { filename, contentType: CONTENT_TYPE, body: Buffer.from(content), metadata: checkClientMetadata(metadata) }
}

/** @throws ProblemError if the JSON does not match the schema */
function validated(request: FastifyRequest, value: unknown): JsonUpload {
  // This can't be the body schema of the route, because that would also validate forms and raw files.
  const validate = request.compileValidationSchema(jsonUploadSchema)
  if (validate(value)) return value as JsonUpload
  const [fault] = validate.errors ?? []
  throw new ProblemError('invalid-body', `body${fault?.instancePath ?? ''} ${fault?.message ?? 'is not valid'}.`)
}
