import fastifyPlugin from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    /** The path below which clients see the api, for paths in the body of an answer. Empty where they see the api at the root. */
    publicPath: string
  }
}

/**
 * Tells clients where things are as they see it: below a path that what is in front takes off, as API Gateway does with the stage
 * of a REST API. `Location` and `Link` get the path here; a route puts `publicPath` before paths in its body. What is elsewhere, S3,
 * is told by whole URLs, and stays as it is.
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
