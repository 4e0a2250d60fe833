import { type FastifyPluginCallbackTypebox, Type } from '@fastify/type-provider-typebox'
import type { ConsumerAdmin } from '../../consumer/index.ts'

export interface PauseDeps {
  admin: Pick<ConsumerAdmin, 'pause' | 'resume'>
  /** The name of the operator, which a pause shows to others. */
  by: string
}

/** Omitted: the whole application. */
const workerId = Type.Optional(Type.String({ minLength: 1, maxLength: 255 }))
const reason = Type.String({ minLength: 1, maxLength: 1_000 })

/** Only a pause needs a reason, which others see for as long as it lasts. */
const BODIES = {
  pause: Type.Object({ workerId, reason }),
  resume: Type.Object({ workerId, reason: Type.Optional(reason) }),
}

/** Pauses and resumes the application. Registered only if changes are allowed. */
export const pauseRoutes: FastifyPluginCallbackTypebox<PauseDeps> = (app, { admin, by }, done) => {
  for (const action of ['pause', 'resume'] as const) {
    app.post(`/api/${action}`, { schema: { body: BODIES[action] } }, async request => {
      const { isWorkerKnown, wasPaused } = await admin[action]({
        reason: 'resumed in the console',
        ...request.body,
        by,
      })
      return { isWorkerKnown, wasPaused }
    })
  }
  done()
}
