import fastifyPlugin from 'fastify-plugin'
import { allowedMethods, type KnownRoute } from '../http/allowed-methods.ts'
import { sendError, sendProblem } from './send.ts'

/**
 * Makes every answer that is not a success a problem: errors of routes and of Fastify, unknown paths, wrong methods. `OPTIONS`
 * of a known path is none: it is answered with the methods.
 */
export const problemsPlugin = fastifyPlugin(
  async app => {
    const routes: KnownRoute[] = []
    app.addHook('onRoute', ({ method, url }) => {
      // The answers to preflights of CORS are under every path, also where nothing else is.
      if (url !== '*') for (const each of [method].flat()) routes.push({ method: each, url })
    })

    app.setErrorHandler(sendError)

    app.setNotFoundHandler((request, reply) => {
      const [path = ''] = request.url.split('?', 1)
      const allowed = allowedMethods(routes, path)
      // A method that is served here has looked and found nothing: a file of the docs for one.
      const isOptions = request.method === 'OPTIONS'
      if (allowed.length === 0 || (!isOptions && allowed.includes(request.method))) {
        sendProblem({ slug: 'not-found', detail: 'The api has nothing at this path.' }, request, reply)
        return
      }
      const allow = allowed.join(', ')
      if (isOptions) {
        reply.code(204).header('allow', allow).send()
        return
      }
      const detail = `${request.method} is not one of the methods that are served here: ${allow}.`
      sendProblem({ slug: 'method-not-allowed', detail, headers: { allow } }, request, reply)
    })
  },
  { name: 'problems', fastify: '5.x' },
)
