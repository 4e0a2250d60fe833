import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { ProblemError, problemResponses } from '../problems/problem.ts'
import type { Readiness } from '../readiness.ts'

const check = Type.Enum(['ok', 'unreachable'])

const schema = {
  operationId: 'getReadiness',
  tags: ['health'],
  summary: 'Check that uploads can be accepted',
  description: 'Uploads are accepted without the stream too: their events wait in the outbox.',
  response: {
    200: Type.Object(
      {
        status: Type.Literal('ready'),
        checks: Type.Object({ bucket: check, table: check, stream: check }, { additionalProperties: false }),
      },
      { additionalProperties: false, description: 'Uploads can be accepted.' },
    ),
    ...problemResponses('not-ready'),
  },
}

export const readyz: FastifyPluginAsyncTypebox<{ readiness: () => Promise<Readiness> }> = async (
  app,
  { readiness },
) => {
  app.get('/readyz', { schema, logLevel: 'warn', config: { access: 'public' } }, async () => {
    if (app.isStopping()) throw notReady('This process is stopping.')
    const { ready, checks } = await readiness()
    if (ready) return { status: 'ready' as const, checks }
    const missing = (['bucket', 'table'] as const).filter(name => checks[name] !== 'ok')
    throw notReady(`These resources are not reachable: ${missing.join(', ')}.`)
  })
}

function notReady(detail: string): ProblemError {
  return new ProblemError('not-ready', detail, { headers: { 'retry-after': '5' } })
}
