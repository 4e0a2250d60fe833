import type { FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { currentDeadline, Deadline, withinDeadline } from '../../platform/deadline.ts'

export interface DeadlinesOptions {
  /** How long a request may wait without progress, in milliseconds. */
  withinMs: number
}

/**
 * Gives each request its deadline. What waits for AWS beyond it is ended and answered with 503, before whatever is in front of the
 * api gives the request up. Behind Lambda the invocation has a deadline of its own, and the request's is no later.
 */
export const deadlines = fastifyPlugin<DeadlinesOptions>(
  async (app, { withinMs }) => {
    const deadlineOf = new WeakMap<FastifyRequest, Deadline>()

    app.addHook('onRequest', (request, { raw }, done) => {
      const deadline = new Deadline({ quietMs: withinMs, hardAt: currentDeadline()?.hardAt })
      deadlineOf.set(request, deadline)
      raw.once('close', () => {
        if (raw.writableFinished) deadline.end()
        else deadline.abandon()
      })
      withinDeadline(deadline, done)
    })
    // Once more: what was read of the body came by events of the connection, which are nobody's.
    app.addHook('preValidation', (request, _reply, done) => withinDeadline(deadlineOf.get(request), done))
  },
  { name: 'deadlines', fastify: '5.x' },
)
