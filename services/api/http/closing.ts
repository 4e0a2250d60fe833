import fastifyPlugin from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    /** Says to whoever asks for its readiness that the app stops, and serves on. Closing it says so as well. */
    announceStop(): void
    isStopping(): boolean
  }
}

/**
 * Ends the connections of requests that are under way when the app stops, with their answers. Left open, each would hold
 * the stop up until its client lets go of it.
 */
export const closing = fastifyPlugin(
  async app => {
    let isStopping = false
    const announceStop = () => {
      isStopping = true
    }
    app.decorate('announceStop', announceStop)
    app.decorate('isStopping', () => isStopping)
    app.addHook('preClose', async () => announceStop())
    app.addHook('onSend', async (_request, reply) => {
      if (isStopping) reply.header('connection', 'close')
    })
  },
  { name: 'closing', fastify: '5.x' },
)
