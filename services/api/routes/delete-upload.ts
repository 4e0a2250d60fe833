import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Backend } from '../backend.ts'
import { ignoreBodies } from '../http/ignore-bodies.ts'
import { problemResponses } from '../problems/problem.ts'
import type { Watches } from '../watch/watches.ts'
import { COMMON_PROBLEMS, emptyResponse, idParams, security } from './schemas.ts'
import { noSuchUpload, uploadIdOf } from './upload-id.ts'
import type { Upload } from './upload-view.ts'

const schema = {
  operationId: 'deleteUpload',
  tags: ['uploads'],
  summary: 'Delete an upload',
  description:
    'Deletes the file, its outputs and its record, whatever its status. An upload that is not processed yet will not be processed. A request may be repeated.',
  security,
  params: idParams,
  response: {
    202: Type.Object(
      { message: Type.String() },
      { additionalProperties: false, description: 'The upload is deleted. Its objects will be removed soon.' },
    ),
    204: emptyResponse('The upload is deleted.'),
    ...problemResponses('not-found', 'upload-locked', ...COMMON_PROBLEMS),
  },
}

export interface DeleteUploadOptions {
  backend: () => Pick<Backend, 'deletions' | 'endPending'>
  watches: Pick<Watches<Upload>, 'refresh'>
}

export const deleteUpload: FastifyPluginAsyncTypebox<DeleteUploadOptions> = async (app, { backend, watches }) => {
  ignoreBodies(app)
  app.delete('/uploads/:id', { schema, config: { access: 'write' } }, async (request, reply) => {
    const { owner, log } = request
    const key = { owner, uploadId: uploadIdOf(request.params.id) }
    reply.header('cache-control', 'no-store')
    const { deletions, endPending } = backend()
    // A pending upload may be accepted at any moment. So it is ended first, and an accepted upload is deleted in any case.
    const isEnded = await endPending(key, log)
    const deleted = await deletions.begin(key)
    if (!deleted && !isEnded) throw noSuchUpload()
    watches.refresh(key)
    if (!deleted) return reply.code(204).send()
    try {
      await deletions.complete(deleted)
    } catch (err) {
      // The upload is no longer visible and has an outbox mark. The relay removes the remaining objects.
      log.warn(
        { err, uploadId: key.uploadId },
        'the objects of a deleted upload could not be removed: the relay will remove them',
      )
      return reply.code(202).send({ message: 'Deleted; its objects will be removed' })
    }
    return reply.code(204).send()
  })
}
