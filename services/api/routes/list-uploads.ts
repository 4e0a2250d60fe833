import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { ListUploads } from '../../uploads/records/listing.ts'
import { uploadStatuses } from '../../uploads/records/record.ts'
import { problemResponses } from '../problems/problem.ts'
import { decodeCursor, encodeCursor } from './page-cursor.ts'
import { COMMON_PROBLEMS, security, uploadSchema } from './schemas.ts'
import { toUpload } from './upload-view.ts'

const DEFAULT_LIMIT = 20

const schema = {
  operationId: 'listUploads',
  tags: ['uploads'],
  summary: 'See your uploads, newest first',
  description:
    'Follow `next` until there is none. A page of one status may have fewer uploads than `limit`, or none, and still have a `next`.',
  security,
  querystring: Type.Object({
    status: Type.Optional(Type.Enum([...uploadStatuses], { description: 'Only those of this status.' })),
    limit: Type.Optional(
      Type.String({
        pattern: '^(?:[1-9]|[1-9][0-9]|100)$',
        description: `Uploads of a page at most: 1 to 100. Left out, ${DEFAULT_LIMIT}.`,
        examples: ['50'],
      }),
    ),
    cursor: Type.Optional(Type.String({ maxLength: 64, description: 'Where the page begins: part of `next`.' })),
  }),
  response: {
    200: Type.Object(
      {
        uploads: Type.Array(uploadSchema),
        next: Type.Optional(Type.String({ description: 'The path and query of the next page.' })),
      },
      {
        additionalProperties: false,
        description: 'A page of them.',
        headers: { link: { type: 'string', description: 'The next page as well, as `rel="next"`.' } },
      },
    ),
    ...problemResponses('invalid-body', 'invalid-cursor', ...COMMON_PROBLEMS),
  },
}

export const listUploads: FastifyPluginAsyncTypebox<{ list: ListUploads }> = async (app, { list }) => {
  app.get('/uploads', { schema, config: { access: 'read' } }, async (request, reply) => {
    const { status, cursor, limit = String(DEFAULT_LIMIT) } = request.query
    const before = cursor === undefined ? undefined : decodeCursor(cursor)
    const page = await list({ owner: request.owner, status, before, limit: Number(limit) })
    reply.header('cache-control', 'no-store')
    const uploads = page.uploads.map(toUpload)
    if (page.next === undefined) return reply.send({ uploads })
    const query = new URLSearchParams({ ...(status && { status }), limit, cursor: encodeCursor(page.next) })
    const next = `/uploads?${query}`
    return reply.header('link', `<${next}>; rel="next"`).send({ uploads, next: app.publicPath + next })
  })
}
