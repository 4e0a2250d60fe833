import { type FastifyPluginCallbackTypebox, Type } from '@fastify/type-provider-typebox'
import type { ConsumerAdmin } from '../../consumer/index.ts'

export interface PauseDeps {
  admin: Pick<ConsumerAdmin, 'pause' | 'resume'>
  /** The name of the operator, which a pause shows to others. */
  by: string
}

const body = Type.Object({
  /** Omitted: the whole application. */
  workerId: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
  reason: Type.String({ minLength: 1, maxLength: 1_000 }),
})

/** Pauses and resumes the application. Registered only if changes are allowed. */
export const pauseRoutes: FastifyPluginCallbackTypebox<PauseDeps> = (app, { admin, by }, done) => {
  for (const action of ['pause', 'resume'] as const) {
    app.post(`/api/${action}`, { schema: { body } }, async request => {
      const { isWorkerKnown, wasPaused } = await admin[action]({ ...request.body, by })
      return { isWorkerKnown, wasPaused }
    })
  }
  done()
}
