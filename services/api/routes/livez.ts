import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'

const schema = {
  operationId: 'live',
  tags: ['health'],
  summary: 'Whether the process runs',
  response: {
    200: Type.Object({ status: Type.Literal('ok') }, { additionalProperties: false, description: 'It runs.' }),
  },
}

export const livez: FastifyPluginAsyncTypebox = async app => {
  app.get('/livez', { schema, logLevel: 'warn' }, () => ({ status: 'ok' as const }))
}
