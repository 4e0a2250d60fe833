import type { FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { currentDeadline, Deadline, withinDeadline } from '../../platform/deadline.ts'

export interface DeadlinesOptions {
  /** How long a request may wait without progress, in milliseconds. */
  withinMs: number
}

/**
 * Gives each request a deadline. A request that waits for AWS beyond its deadline is aborted and gets 503, before a load
 * balancer in front of the api gives up. Behind Lambda the deadline is never later than that of the invocation.
 */
export const deadlines = fastifyPlugin<DeadlinesOptions>(
  async (app, { withinMs }) => {
    const deadlineOf = new WeakMap<FastifyRequest, Deadline>()

    app.addHook('onRequest', (request, { raw }, done) => {
      const deadline = new Deadline({ idleTimeoutMs: withinMs, hardAt: currentDeadline()?.hardAt })
      deadlineOf.set(request, deadline)
      raw.once('close', () => {
        if (raw.writableFinished) deadline.end()
        else deadline.abandon()
      })
      withinDeadline(deadline, done)
    })
    // Set again, because the events of the connection that delivered the body run outside of the request's context.
    app.addHook('preValidation', (request, _reply, done) => withinDeadline(deadlineOf.get(request), done))
  },
  { name: 'deadlines', fastify: '5.x' },
)
