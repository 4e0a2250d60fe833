import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { currentDeadline } from '../../platform/deadline.ts'
import type { Backend } from '../backend.ts'
import { problemResponses } from '../problems/problem.ts'
import type { Watches } from '../watch/watches.ts'
import { openWatch } from './open-watch.ts'
import { COMMON_PROBLEMS, emptyResponse, idParams, security, uploadSchema } from './schemas.ts'
import { noSuchUpload, uploadIdOf } from './upload-id.ts'
import { toSnapshot, type Upload } from './upload-view.ts'

const etag = { etag: { type: 'string', description: 'The strong tag of this state of the upload.' } }

const schema = {
  operationId: 'getUpload',
  tags: ['uploads'],
  summary: 'Get an upload',
  description:
    'With `wait`, the response waits until the upload is `processed`, `failed` or `quarantined`. When the time is up, the response is 200 with the current state. With `wait` and `If-None-Match`, the response waits until the upload changes. When the time is up, it is 304.',
  security,
  params: idParams,
  querystring: Type.Object({
    wait: Type.Optional(
      Type.String({
        pattern: '^(?:[0-9]|1[0-9]|2[0-5])$',
        description: 'Maximum time that the response waits, in seconds: 0 to 25.',
        examples: ['20'],
      }),
    ),
  }),
  headers: Type.Object({
    'if-none-match': Type.Optional(Type.String({ description: 'The `ETag` of the last state that the client knows.' })),
  }),
  response: {
    200: { ...uploadSchema, description: 'The upload.', headers: etag },
    304: emptyResponse('The upload has not changed.', etag),
    ...problemResponses('invalid-body', 'not-found', 'too-many-watches', 'watches-exhausted', ...COMMON_PROBLEMS),
  },
}

export interface GetUploadOptions {
  backend: () => Pick<Backend, 'store'>
  watches: Watches<Upload>
}

export const getUpload: FastifyPluginAsyncTypebox<GetUploadOptions> = async (app, { backend, watches }) => {
  app.get('/uploads/:id', { schema, config: { access: 'read' } }, async (request, reply) => {
    const key = { owner: request.owner, uploadId: uploadIdOf(request.params.id) }
    const known = request.headers['if-none-match']
    const record = await backend().store.get(key)
    if (!record) throw noSuchUpload()
    let snapshot: ReturnType<typeof toSnapshot> | undefined = toSnapshot(record)

    const isNew = (seen: typeof snapshot) =>
      seen === undefined || (known === undefined ? seen.isFinal : !namesTag(known, seen.tag))
    const waitMs = Number(request.query.wait ?? 0) * 1_000
    if (waitMs > 0 && !isNew(snapshot)) {
      const watch = openWatch(watches, { key, first: snapshot, reply })
      // The time that the first read took counts as a part of the wait.
      snapshot = await watch.until(isNew, Math.min(waitMs, currentDeadline()?.leftMs ?? waitMs))
      watch.close()
    }

    if (!snapshot) throw noSuchUpload()
    reply.header('cache-control', 'no-store').header('etag', entityTag(snapshot.tag))
    return namesTag(known, snapshot.tag) ? reply.code(304).send() : reply.send(snapshot.value)
  })
}

/** Returns a tag as the header `ETag` has it: strong. */
function entityTag(tag: string): string {
  return `"${tag}"`
}

/** True if the header `If-None-Match` (RFC 9110, section 13.1.2) names the tag. `*` names every tag. */
function namesTag(ifNoneMatch: string | undefined, tag: string): boolean {
  if (ifNoneMatch === undefined) return false
  if (ifNoneMatch.trim() === '*') return true
  // The comparison is weak, because a proxy that compresses responses may have made the tag a weak one.
  return [...ifNoneMatch.matchAll(/(?:W\/)?"([^"]*)"/g)].some(([, known]) => known === tag)
}
