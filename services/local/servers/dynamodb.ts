import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import dynalite from 'dynalite'
import { findPort } from '../ports.ts'
import type { EmbeddedServer, ServerSettings } from './server.ts'

/** The maximum duration of open requests at a stop, in milliseconds. Their connections are closed after that. */
const STOP_GRACE_MS = 1_000

const IMMEDIATELY = { createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 }

/** Starts DynamoDB, which is dynalite. */
export async function startDynamoDb({ host, port, dataDir }: ServerSettings): Promise<EmbeddedServer> {
  // If dynalite cannot listen, it never releases its files. So the port is checked first.
  if (port !== 0) await findPort(host, port)
  const server = dynalite({ ...IMMEDIATELY, ...(dataDir === undefined ? {} : { path: dataDir }) })
  server.listen(port, host)
  await once(server, 'listening')
  server.on('error', error => console.error('The embedded DynamoDB:', error))
  return { port: (server.address() as AddressInfo).port, stop: () => close(server) }
}

async function close(server: Server): Promise<void> {
  const cut = setTimeout(() => server.closeAllConnections(), STOP_GRACE_MS)
  try {
    await new Promise<void>((resolve, reject) => {
      server.close(error => (error ? reject(error) : resolve()))
      server.closeIdleConnections()
    })
  } finally {
    clearTimeout(cut)
  }
}
