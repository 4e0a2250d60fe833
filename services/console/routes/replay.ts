import { type FastifyPluginCallbackTypebox, Type } from '@fastify/type-provider-typebox'
import type { ConsumerAdmin, ReplayEstimate, ShardReplay } from '../../consumer/index.ts'
import { BadRequestError } from '../errors.ts'
import type { ReplayView } from '../snapshot.ts'

export interface ReplayDeps {
  admin: Pick<ConsumerAdmin, 'planReplay' | 'estimateReplay' | 'replay' | 'liveOwners'>
  failoverMs: number
  allowChanges: boolean
}

const start = Type.Object({
  /** Epoch milliseconds. */
  at: Type.Integer({ minimum: 0 }),
  shardIds: Type.Optional(Type.Array(Type.String({ maxLength: 128 }), { maxItems: 10_000 })),
})

/** Plans and runs replays of the application. */
export const replayRoutes: FastifyPluginCallbackTypebox<ReplayDeps> = (app, deps, done) => {
  const { admin, failoverMs, allowChanges } = deps

  /** @throws BadRequestError */
  async function plan(at: number, shardIds: readonly string[] | undefined) {
    if (at > Date.now()) throw new BadRequestError('Choose a time in the past.')
    const plans = await admin.planReplay({ at: new Date(at), shardIds })
    const live = plans.some(({ change }) => change !== 'none') ? await admin.liveOwners(failoverMs) : new Set<string>()
    return { plans, live }
  }

  // A POST, because a body has room for all shards. It changes nothing.
  app.post('/api/replay/plan', { schema: { body: start } }, async request => {
    const { plans, live } = await plan(request.body.at, request.body.shardIds)
    const estimates = await admin.estimateReplay(plans)
    return { shards: plans.map(each => toView(each, live, estimates.get(each.shardId))) }
  })

  if (allowChanges) {
    const body = Type.Object({ ...start.properties, takeFromWorkers: Type.Boolean() })
    app.post('/api/replay', { schema: { body } }, async request => {
      const { at, shardIds, takeFromWorkers } = request.body
      const { plans, live } = await plan(at, shardIds)
      const held = plans.filter(({ shardId, change }) => change !== 'none' && live.has(shardId))
      if (held.length > 0 && !takeFromWorkers) {
        throw new BadRequestError(
          `Workers hold ${held.length} of the leases. Stop the workers, or choose to take the leases from them.`,
        )
      }
      const moved: string[] = []
      for (const each of plans) if (await admin.replay(each, new Date(at))) moved.push(each.shardId)
      return { moved }
    })
  }
  done()
}

function toView(plan: ShardReplay, live: ReadonlySet<string>, estimate: ReplayEstimate | undefined): ReplayView {
  const { shardId, change, first } = plan
  return {
    shardId,
    change,
    why: plan.change === 'none' ? plan.why : null,
    firstArrivedAt: first?.arrivedAt.getTime() ?? null,
    checkpoint: plan.change === 'move' ? plan.lease.checkpoint.sequenceNumber : null,
    isHeld: live.has(shardId),
    estimate: estimate ?? null,
  }
}
