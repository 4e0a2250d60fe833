import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import fastifyPlugin from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    /** Says to whoever asks for its readiness that the app stops, and serves on. Closing it says so as well. */
    announceStop(): void
    isStopping(): boolean
  }
}

/** How long a connection without a request may take to send one once the app closes, in milliseconds. */
const PATIENCE_MS = 1_000

/**
 * Ends connections when the app closes. Left open, each would hold the stop up until its client lets go of it: those of requests
 * that are under way, with their answers, and those on which no request has come yet, which Node does not count as idle.
 */
export const closing = fastifyPlugin(
  async app => {
    let isStopping = false
    let isClosing = false
    const announceStop = () => {
      isStopping = true
    }
    app.decorate('announceStop', announceStop)
    app.decorate('isStopping', () => isStopping)

    const silent = new Set<Socket>()
    app.server.on('connection', (socket: Socket) => {
      silent.add(socket)
      socket.once('close', () => silent.delete(socket))
      if (isClosing) endIfSilent(socket)
    })
    // Not before: until then the error is what listening fails by.
    app.addHook('onListen', async () => {
      app.server.on('error', err => app.log.error({ err }, 'a connection could not be accepted'))
    })
    app.server.on('request', ({ socket }: IncomingMessage) => silent.delete(socket))

    /** Not at once: a request may be on its way. */
    function endIfSilent(socket: Socket): void {
      setTimeout(() => {
        if (silent.has(socket)) socket.destroy()
      }, PATIENCE_MS).unref()
    }

    app.addHook('preClose', async () => {
      announceStop()
      isClosing = true
      for (const socket of silent) endIfSilent(socket)
    })
    app.addHook('onSend', async (_request, reply) => {
      if (isStopping) reply.header('connection', 'close')
    })
  },
  { name: 'closing', fastify: '5.x' },
)
