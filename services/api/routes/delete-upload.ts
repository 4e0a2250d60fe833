import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Logger } from '../../platform/log.ts'
import type { Deletions } from '../../uploads/records/deletions.ts'
import type { UploadKey } from '../../uploads/records/store.ts'
import { ignoreBodies } from '../http/no-body.ts'
import { problemResponses } from '../problems/problem.ts'
import type { Watches } from '../watch/watches.ts'
import { COMMON_PROBLEMS, idParams, nothing, security } from './schemas.ts'
import { noSuchUpload } from './upload-id.ts'
import { type Upload, uploadIdOf } from './upload-view.ts'

const schema = {
  operationId: 'deleteUpload',
  tags: ['uploads'],
  summary: 'Delete an upload',
  description:
    'The file, what was made of it, and what is recorded of it, whatever its status. What is not processed yet never will be. Deleting it again is no error.',
  security,
  params: idParams,
  response: {
    202: Type.Object(
      { message: Type.String() },
      { additionalProperties: false, description: 'It is gone for everybody, and its bytes soon are.' },
    ),
    204: nothing('It is gone.'),
    ...problemResponses('not-found', 'upload-locked', ...COMMON_PROBLEMS),
  },
}

export interface DeleteUploadOptions {
  /** Ends a pending upload, and says whether there was one. Left out, none ever is. */
  endPending?: (key: UploadKey, log: Pick<Logger, 'warn'>) => Promise<boolean>
  deletions: Pick<Deletions, 'begin' | 'complete'>
  watches: Pick<Watches<Upload>, 'hurry'>
}

export const deleteUpload: FastifyPluginAsyncTypebox<DeleteUploadOptions> = async (app, options) => {
  const { deletions, watches, endPending } = options
  ignoreBodies(app)
  app.delete('/uploads/:id', { schema, config: { access: 'write' } }, async (request, reply) => {
    const { owner, log } = request
    const key = { owner, uploadId: uploadIdOf(request.params.id) }
    reply.header('cache-control', 'no-store')
    // First, and then the other all the same: what is on its way may arrive at any moment.
    const isEnded = (await endPending?.(key, log)) ?? false
    const deleted = await deletions.begin(key)
    if (!deleted && !isEnded) throw noSuchUpload()
    watches.hurry(key)
    if (!deleted) return reply.code(204).send()
    try {
      await deletions.complete(deleted)
    } catch (err) {
      // Nobody sees it any more, and it has its mark: whatever went wrong, the relay removes what is left.
      log.warn(
        { err, uploadId: key.uploadId },
        'the objects of a deleted upload are still there: the relay removes them',
      )
      return reply.code(202).send({ message: 'Deleted; its objects will be removed' })
    }
    return reply.code(204).send()
  })
}
