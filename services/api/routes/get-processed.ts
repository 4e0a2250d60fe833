import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { MAIN_OUTPUT } from '../../uploads/records/output-names.ts'
import { downloadDescription } from './content-redirect.ts'
import { idParams, security } from './schemas.ts'
import { type OutputRouteOptions, outputResponses, sendOutput } from './send-output.ts'
import { noSuchUpload, uploadIdOf } from './upload-id.ts'

const schema = {
  operationId: 'getProcessed',
  tags: ['uploads'],
  summary: 'Download the main output of an upload',
  description: `${downloadDescription} The upload lists its other outputs in \`outputs\`.`,
  security,
  params: idParams,
  response: outputResponses,
}

export const getProcessed: FastifyPluginAsyncTypebox<OutputRouteOptions> = async (app, { backend }) => {
  app.get('/uploads/:id/processed', { schema, config: { access: 'read' } }, async (request, reply) => {
    const record = await backend().store.get({ owner: request.owner, uploadId: uploadIdOf(request.params.id) })
    if (!record) throw noSuchUpload()
    await sendOutput(backend(), record, MAIN_OUTPUT, { request, reply })
  })
}
