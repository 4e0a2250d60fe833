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
  // What compiles schemas is among what is not loaded yet.
  const serializerCompiler = () => (answer: unknown) => JSON.stringify(answer)
  const config = { access: 'public', answersFirst: true } as const
  app.get('/livez', { schema, logLevel: 'warn', config, serializerCompiler }, () => ({ status: 'ok' as const }))
}
