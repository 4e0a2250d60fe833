import fastifyPlugin from 'fastify-plugin'
import type { Metrics } from './metrics.ts'

/** Counts an app's requests. */
export const metricsPlugin = fastifyPlugin<{ metrics: Metrics }>(
  async (app, { metrics }) => {
    app.addHook('onRequest', async (request, reply) => {
      metrics.requestStarted()
      // Of a request whose client has gone there is no onResponse.
      reply.raw.once('close', () => {
        metrics.requestEnded({
          method: request.method,
          route: request.routeOptions.url,
          status: reply.raw.writableFinished ? reply.statusCode : 'broken-off',
          seconds: reply.elapsedTime / 1_000,
        })
      })
    })
    app.addHook('onClose', async () => metrics.close())
  },
  { name: 'metrics', fastify: '5.x' },
)
