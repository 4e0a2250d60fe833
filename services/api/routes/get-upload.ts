import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { currentDeadline } from '../../platform/deadline.ts'
import type { UploadStore } from '../../uploads/records/store.ts'
import { entityTag, namesTag } from '../http/entity-tag.ts'
import { problemResponses } from '../problems/problem.ts'
import type { Watches } from '../watch/watches.ts'
import { openWatch } from './open-watch.ts'
import { COMMON_PROBLEMS, idParams, nothing, security, uploadSchema } from './schemas.ts'
import { noSuchUpload } from './upload-id.ts'
import { toSight, type Upload, uploadIdOf } from './upload-view.ts'

const etag = { etag: { type: 'string', description: 'Of this state of the upload: strong.' } }

const schema = {
  operationId: 'getUpload',
  tags: ['uploads'],
  summary: 'See what has become of an upload',
  description:
    'With `wait`, the answer waits. With `If-None-Match` as well: until the upload has changed, and 304 says that it has not. Without: until it is `processed` or `failed`, and 200 says in any case what it is by then.',
  security,
  params: idParams,
  querystring: Type.Object({
    wait: Type.Optional(
      Type.String({
        pattern: '^(?:[0-9]|1[0-9]|2[0-5])$',
        description: 'How long the answer may wait, in seconds: 0 to 25.',
        examples: ['20'],
      }),
    ),
  }),
  headers: Type.Object({
    'if-none-match': Type.Optional(Type.String({ description: 'The `ETag` of the state that is known.' })),
  }),
  response: {
    200: { ...uploadSchema, description: 'The upload.', headers: etag },
    304: nothing('It is as `If-None-Match` says.', etag),
    ...problemResponses('invalid-body', 'not-found', 'too-many-watches', 'watches-exhausted', ...COMMON_PROBLEMS),
  },
}

export interface GetUploadOptions {
  store: Pick<UploadStore, 'get'>
  watches: Watches<Upload>
}

export const getUpload: FastifyPluginAsyncTypebox<GetUploadOptions> = async (app, { store, watches }) => {
  app.get('/uploads/:id', { schema, config: { access: 'read' } }, async (request, reply) => {
    const key = { owner: request.owner, uploadId: uploadIdOf(request.params.id) }
    const known = request.headers['if-none-match']
    const record = await store.get(key)
    if (!record) throw noSuchUpload()
    let sight: ReturnType<typeof toSight> | undefined = toSight(record)

    const isNews = (seen: typeof sight) =>
      seen === undefined || (known === undefined ? seen.isFinal : !namesTag(known, seen.tag))
    const waitMs = Number(request.query.wait ?? 0) * 1_000
    if (waitMs > 0 && !isNews(sight)) {
      const watch = openWatch(watches, { key, first: sight, reply })
      // What looking took already is a part of what the client waits.
      sight = await watch.until(isNews, Math.min(waitMs, currentDeadline()?.leftMs ?? waitMs))
      watch.close()
    }

    if (!sight) throw noSuchUpload()
    reply.header('cache-control', 'no-store').header('etag', entityTag(sight.tag))
    return namesTag(known, sight.tag) ? reply.code(304).send() : reply.send(sight.value)
  })
}
