import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { MAIN_OUTPUT } from '../../uploads/records/record.ts'
import type { UploadStore } from '../../uploads/records/store.ts'
import { type GiveOutput, outputResponses } from './give-output.ts'
import { idParams, security } from './schemas.ts'
import { noSuchUpload } from './upload-id.ts'
import { uploadIdOf } from './upload-view.ts'

const schema = {
  operationId: 'getProcessed',
  tags: ['uploads'],
  summary: 'Get what was made of the file',
  description: 'The main output. Where there are others, the upload tells of them.',
  security,
  params: idParams,
  response: outputResponses,
}

export interface OutputRouteOptions {
  store: Pick<UploadStore, 'get'>
  giveOutput: GiveOutput
}

export const getProcessed: FastifyPluginAsyncTypebox<OutputRouteOptions> = async (app, { store, giveOutput }) => {
  app.get('/uploads/:id/processed', { schema, config: { access: 'read' } }, async (request, reply) => {
    const record = await store.get({ owner: request.owner, uploadId: uploadIdOf(request.params.id) })
    if (!record) throw noSuchUpload()
    await giveOutput(record, MAIN_OUTPUT, { request, reply })
  })
}
