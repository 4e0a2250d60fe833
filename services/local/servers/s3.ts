import diagnostics from 'node:diagnostics_channel'
import { startFauxqs } from 'fauxqs'
import type { EmbeddedServer, ServerSettings } from './server.ts'

interface Listener {
  listen(options: { port: number; host: string }): Promise<string>
}

/**
 * S3, by fauxqs. Its data is in SQLite, not in a file for each object: a file system refuses names that S3 takes (over 255
 * bytes between two slashes).
 */
export async function startS3({ host, port, dataDir }: ServerSettings): Promise<EmbeddedServer> {
  const server = await listeningOn(host, () =>
    startFauxqs({ host, port, logger: false, ...(dataDir === undefined ? {} : { dataDir }) }),
  )
  return { port: server.port, stop: () => server.stop() }
}

/**
 * fauxqs always listens on every interface, and it checks no signature: on a laptop that opens the data to the network.
 * Fastify announces every instance on this channel as it is made, which fauxqs does before its first await.
 */
function listeningOn<T>(host: string, start: () => Promise<T>): Promise<T> {
  let bound = false
  const bind = (message: unknown) => {
    const { fastify } = message as { fastify: Listener }
    const listen = fastify.listen.bind(fastify)
    fastify.listen = options => listen({ ...options, host })
    bound = true
  }
  diagnostics.subscribe('fastify.initialization', bind)
  try {
    const started = start()
    if (!bound) throw new Error('fauxqs can no longer be told which address to listen on')
    return started
  } finally {
    diagnostics.unsubscribe('fastify.initialization', bind)
  }
}
