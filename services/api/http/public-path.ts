import fastifyPlugin from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * The path under which clients see the api. Routes put it before paths in response bodies. Empty if clients see the api at
     * the root.
     */
    publicPath: string
  }
}

/**
 * Adds the public path to the paths in `Location` and `Link`, if a proxy removes that path from requests, as API Gateway does
 * with the stage of a REST API. A route puts `publicPath` before paths in its response body. URLs of S3 are absolute and stay
 * unchanged.
 */
export const publicPath = fastifyPlugin<{ path: string }>(
  async (app, { path }) => {
    app.decorate('publicPath', path)
    if (path === '') return
    app.addHook('onSend', async (_request, reply) => {
      const location = reply.getHeader('location')
      if (typeof location === 'string' && location.startsWith('/')) reply.header('location', `${path}${location}`)
      const link = reply.getHeader('link')
      if (typeof link === 'string' && link.startsWith('</')) reply.header('link', `<${path}${link.slice(1)}`)
    })
  },
  { name: 'public-path', fastify: '5.x' },
)
