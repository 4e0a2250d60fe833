import fastifyPlugin from 'fastify-plugin'
import { onResponseEnd } from '../http/response-end.ts'
import type { Metrics } from './metrics.ts'

/** Counts an app's requests. */
export const metricsPlugin = fastifyPlugin<{ metrics: Metrics }>(
  async (app, { metrics }) => {
    app.addHook('onRequest', async (request, reply) => {
      metrics.requestStarted()
      // Of a request whose client has gone there is no onResponse.
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
