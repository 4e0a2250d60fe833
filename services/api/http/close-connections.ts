import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import fastifyPlugin from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    /** Makes the readiness check fail. The app still serves requests. Closing the app does the same first. */
    announceStop(): void
    isStopping(): boolean
  }
}

/** How long a connection without a request may still send one after the app starts to close, in milliseconds. */
const SILENT_CONNECTION_MS = 1_000

/**
 * Closes connections when the app closes. An open connection would delay the stop until its client closes it. Connections with a request
 * in flight are closed with its response. Connections that have never sent a request, which Node does not count as idle, are
 * closed after a short wait.
 */
export const closeConnections = fastifyPlugin(
  async app => {
    // Answers clients that close their side of the connection after a request (TCP half-close), as `nc -N` and some older libraries do.
    // A client that has disconnected looks the same until something is written to it, so `openWatch` does not wait for one.
    // Node's types do not have this option.
    Object.assign(app.server, { httpAllowHalfOpen: true })

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
    // Before the server listens, an error is the reason why listening fails.
    app.addHook('onListen', async () => {
      app.server.on('error', err => app.log.error({ err }, 'a connection could not be accepted'))
    })
    app.server.on('request', ({ socket }: IncomingMessage) => silent.delete(socket))

    /** Waits first, because a request may be on its way. */
    function endIfSilent(socket: Socket): void {
      setTimeout(() => {
        if (silent.has(socket)) socket.destroy()
      }, SILENT_CONNECTION_MS).unref()
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
  { name: 'close-connections', fastify: '5.x' },
)
