import diagnostics from 'node:diagnostics_channel'
import { takeEveryContentType } from './s3-content-types.ts'
import { addMultipartLists, type Hooked } from './s3-multipart-lists.ts'

interface Listener extends Hooked {
  listen(options: { port: number; host: string }): Promise<string>
}

/**
 * fauxqs always listens on every interface, and it checks no signature: on a laptop that opens the data to the network.
 * Fastify announces every instance on this channel as it is made, which fauxqs does before its first await.
 */
export function listeningOn<T>(host: string, start: () => Promise<T>): Promise<T> {
  let bound = false
  const bind = (message: unknown) => {
    const { fastify } = message as { fastify: Listener }
    const listen = fastify.listen.bind(fastify)
    fastify.listen = options => listen({ ...options, host })
    takeEveryContentType(fastify)
    addMultipartLists(fastify)
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
