import fastifyPlugin from 'fastify-plugin'
import { onResponseEnd } from '../http/response-end.ts'
import type { Metrics } from './metrics.ts'

/** Counts the requests of an app. */
export const metricsPlugin = fastifyPlugin<{ metrics: Metrics }>(
  async (app, { metrics }) => {
    app.addHook('onRequest', async (request, reply) => {
      metrics.requestStarted()
      // If the client has disconnected, Fastify does not call onResponse.
      onResponseEnd(reply.raw, isWhole => {
        metrics.requestEnded({
          method: request.method,
          route: request.routeOptions.url,
          status: isWhole ? reply.statusCode : 'broken-off',
          seconds: reply.elapsedTime / 1_000,
        })
      })
    })
    app.addHook('onClose', async () => metrics.close())
  },
  { name: 'metrics', fastify: '5.x' },
)
