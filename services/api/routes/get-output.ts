import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { OutputRouteOptions } from './get-processed.ts'
import { outputResponses } from './give-output.ts'
import { idParams, security } from './schemas.ts'
import { noSuchUpload } from './upload-id.ts'
import { uploadIdOf } from './upload-view.ts'

const schema = {
  operationId: 'getOutput',
  tags: ['uploads'],
  summary: 'Get one of several things that were made of the file',
  security,
  params: Type.Object({
    ...idParams.properties,
    name: Type.String({ description: 'One of the `outputs` of the upload. `main` is what `/processed` gives out.' }),
  }),
  response: outputResponses,
}

export const getOutput: FastifyPluginAsyncTypebox<OutputRouteOptions> = async (app, { store, giveOutput }) => {
  app.get('/uploads/:id/outputs/:name', { schema, config: { access: 'read' } }, async (request, reply) => {
    const { id, name } = request.params
    const record = await store.get({ owner: request.owner, uploadId: uploadIdOf(id) })
    if (!record) throw noSuchUpload()
    await giveOutput(record, name, { request, reply })
  })
}
