import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { FromHost, LeaseSettings } from './messages.ts'
import { type ServerSlot, startSlot } from './slot.ts'

export interface ServerHost {
  readonly port: number
  stop(): Promise<void>
}

/**
 * Starts the host of the servers that the files of a test run share: there are as many as tests that use them at the same time. Each
 * connection is a lease: its first line has the settings, and its end returns the servers, also when a test file was killed.
 */
export async function startHost(): Promise<ServerHost> {
  const slots = new Set<ServerSlot>()
  const free: ServerSlot[] = []
  const connections = new Set<Socket>()

  function takeSlot(): ServerSlot {
    const known = free.pop()
    if (known) return known
    const slot = startSlot()
    slots.add(slot)
    void slot.died.then(() => {
      slots.delete(slot)
      if (free.includes(slot)) free.splice(free.indexOf(slot), 1)
    })
    return slot
  }

  async function serve(socket: Socket): Promise<void> {
    const closed = once(socket, 'close')
    const lines = createInterface({ input: socket }).on('error', () => undefined)
    const [line] = (await once(lines, 'line')) as [string]
    const send = (message: FromHost) => socket.writable && socket.write(`${JSON.stringify(message)}\n`)
    const slot = takeSlot()
    const opened = await slot.open(JSON.parse(line) as LeaseSettings)
    send(opened)
    const error = 'error' in opened ? opened.error : await Promise.race([closed.then(() => undefined), slot.died])
    if (error === undefined) free.push(slot)
    else send({ error })
  }

  const server = createServer(socket => {
    connections.add(socket)
    // A test that is killed may reset its connection.
    socket.on('error', () => undefined)
    socket.on('close', () => connections.delete(socket))
    void serve(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      server.close()
      for (const socket of connections) socket.destroy()
      await Promise.all([...slots].map(slot => slot.stop()))
    },
  }
}
