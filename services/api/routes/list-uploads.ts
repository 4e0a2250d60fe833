import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { validate, version } from 'uuid'
import { uploadStatuses } from '../../uploads/records/record.ts'
import type { Backend } from '../backend.ts'
import { ProblemError, problemResponses } from '../problems/problem.ts'
import { COMMON_PROBLEMS, security, uploadSchema } from './schemas.ts'
import { toUpload } from './upload-view.ts'

const DEFAULT_LIMIT = 20

/** A page of uploads. */
export const pageSchema = Type.Object(
  {
    uploads: Type.Array(uploadSchema),
    next: Type.Optional(Type.String({ description: 'The path and query of the next page.' })),
  },
  { additionalProperties: false },
)

const schema = {
  operationId: 'listUploads',
  tags: ['uploads'],
  summary: 'List your uploads, newest first',
  description:
    'Follow `next` until a page has none. With `status` or `metadata`, a page may have fewer uploads than `limit`, or none, and still have a `next`.',
  security,
  querystring: Type.Object({
    status: Type.Optional(Type.Enum([...uploadStatuses], { description: 'Only uploads with this status.' })),
    metadata: Type.Optional(
      Type.String({
        pattern: '^[a-z0-9][a-z0-9_-]{0,63}:.',
        maxLength: 2_048,
        description: 'Only uploads whose metadata has this value under this name: `NAME:VALUE`.',
        examples: ['project:apollo'],
      }),
    ),
    limit: Type.Optional(
      Type.String({
        pattern: '^(?:[1-9]|[1-9][0-9]|100)$',
        description: `Maximum number of uploads of a page: 1 to 100. Default: ${DEFAULT_LIMIT}.`,
        examples: ['50'],
      }),
    ),
    cursor: Type.Optional(Type.String({ maxLength: 64, description: 'Where the page starts. Use the one in `next`.' })),
  }),
  response: {
    200: {
      ...pageSchema,
      description: 'A page of uploads.',
      headers: { link: { type: 'string', description: 'The next page, as `rel="next"`.' } },
    },
    ...problemResponses('invalid-body', 'invalid-cursor', ...COMMON_PROBLEMS),
  },
}

export const listUploads: FastifyPluginAsyncTypebox<{ backend: () => Pick<Backend, 'listUploads'> }> = async (
  app,
  { backend },
) => {
  app.get('/uploads', { schema, config: { access: 'read' } }, async (request, reply) => {
    const { status, metadata, cursor, limit = String(DEFAULT_LIMIT) } = request.query
    const before = cursor === undefined ? undefined : decodeCursor(cursor)
    const page = await backend().listUploads({
      owner: request.owner,
      status,
      metadata: pairOf(metadata),
      before,
      limit: Number(limit),
    })
    reply.header('cache-control', 'no-store')
    const uploads = page.uploads.map(toUpload)
    if (page.next === undefined) return reply.send({ uploads })
    const query = new URLSearchParams({
      ...(status && { status }),
      ...(metadata && { metadata }),
      limit,
      cursor: encodeCursor(page.next),
    })
    const next = `/uploads?${query}`
    return reply.header('link', `<${next}>; rel="next"`).send({ uploads, next: app.publicPath + next })
  })
}

/** Returns the name and the value of `NAME:VALUE`. A name has no colon. */
function pairOf(text: string | undefined): { name: string; value: string } | undefined {
  if (text === undefined) return undefined
  const at = text.indexOf(':')
  return { name: text.slice(0, at), value: text.slice(at + 1) }
}

/**
 * Encodes where a page begins: the id of the last upload of the previous page. A cursor names no owner, so a forged cursor only
 * means another position among the client's own uploads.
 */
export function encodeCursor(uploadId: string): string {
  return Buffer.from(uploadId.replaceAll('-', ''), 'hex').toString('base64url')
}

/** @throws ProblemError if the api never issued such a cursor */
function decodeCursor(cursor: string): string {
  const bytes = Buffer.from(cursor, 'base64url')
  if (bytes.length === 16 && bytes.toString('base64url') === cursor) {
    const uploadId = [8, 13, 18, 23].reduce((id, at) => `${id.slice(0, at)}-${id.slice(at)}`, bytes.toString('hex'))
    if (validate(uploadId) && version(uploadId) === 7) return uploadId
  }
  throw new ProblemError(
    'invalid-cursor',
    'The cursor is invalid. Follow `next` unchanged, or leave `cursor` out to start with the newest upload.',
  )
}
