import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { downloadDescription } from './content-redirect.ts'
import { idParams, security } from './schemas.ts'
import { type OutputRouteOptions, outputResponses, sendOutput } from './send-output.ts'
import { noSuchUpload, uploadIdOf } from './upload-id.ts'

const schema = {
  operationId: 'getOutput',
  tags: ['uploads'],
  summary: 'Download one output of an upload',
  description: downloadDescription,
  security,
  params: Type.Object({
    ...idParams.properties,
    name: Type.String({
      description: 'The name of one of the `outputs` of the upload. `main` is the output of `/processed`.',
    }),
  }),
  response: outputResponses,
}

export const getOutput: FastifyPluginAsyncTypebox<OutputRouteOptions> = async (app, { backend }) => {
  app.get('/uploads/:id/outputs/:name', { schema, config: { access: 'read' } }, async (request, reply) => {
    const { id, name } = request.params
    const record = await backend().store.get({ owner: request.owner, uploadId: uploadIdOf(id) })
    if (!record) throw noSuchUpload()
    await sendOutput(backend(), record, name, { request, reply })
  })
}
