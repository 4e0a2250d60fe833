import fastifyPlugin from 'fastify-plugin'
import { allowedMethods, type KnownRoute } from '../http/allowed-methods.ts'
import { sendError, sendProblem } from './send-problem.ts'

/**
 * Responds with a problem to every request that fails: errors of routes and of Fastify, unknown paths, and unsupported methods.
 * `OPTIONS` of a known path succeeds with the list of methods.
 */
export const problemsPlugin = fastifyPlugin(
  async app => {
    const routes: KnownRoute[] = []
    app.addHook('onRoute', ({ method, url }) => {
      // The preflight route of CORS matches every path, including unknown ones.
      if (url !== '*') for (const each of [method].flat()) routes.push({ method: each, url })
    })

    app.setErrorHandler(sendError)

    app.setNotFoundHandler((request, reply) => {
      const [path = ''] = request.url.split('?', 1)
      const allowed = allowedMethods(routes, path)
      // The path supports the method, but its route found nothing, for example a file of the docs.
      const isOptions = request.method === 'OPTIONS'
      if (allowed.length === 0 || (!isOptions && allowed.includes(request.method))) {
        sendProblem({ slug: 'not-found', detail: 'The api has no such path.' }, request, reply)
        return
      }
      const allow = allowed.join(', ')
      if (isOptions) {
        reply.code(204).header('allow', allow).send()
        return
      }
      const detail = `This path does not support ${request.method}. It supports: ${allow}.`
      sendProblem({ slug: 'method-not-allowed', detail, headers: { allow } }, request, reply)
    })
  },
  { name: 'problems', fastify: '5.x' },
)
