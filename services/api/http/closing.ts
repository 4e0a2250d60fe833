import fastifyPlugin from 'fastify-plugin'

/**
 * Ends the connections of requests that are under way when the app closes, with their answers. Left open, each would hold
 * the stop up until its client lets go of it.
 */
export const closing = fastifyPlugin(
  async app => {
    let isClosing = false
    app.addHook('preClose', async () => {
      isClosing = true
    })
    app.addHook('onSend', async (_request, reply) => {
      if (isClosing) reply.header('connection', 'close')
    })
  },
  { name: 'closing', fastify: '5.x' },
)
