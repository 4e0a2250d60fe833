import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'

const schema = {
  operationId: 'getLiveness',
  tags: ['health'],
  summary: 'Check that the process runs',
  response: {
    200: Type.Object({ status: Type.Literal('ok') }, { additionalProperties: false, description: 'The process runs.' }),
  },
}

export const livez: FastifyPluginAsyncTypebox = async app => {
  // The compilers of schemas may not be loaded yet.
  const serializerCompiler = () => (answer: unknown) => JSON.stringify(answer)
  const config = { access: 'public', skipWarmUp: true } as const
  app.get('/livez', { schema, logLevel: 'warn', config, serializerCompiler }, () => ({ status: 'ok' as const }))
}
