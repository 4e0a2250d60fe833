import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { type FromHost, HOST_PORT, type LeaseSettings, type SharedAws } from './messages.ts'

/** An embedded AWS that no other test uses until it is released. It has new, empty resources. */
export interface LeasedAws extends SharedAws {
  /** Returns the servers to the host. */
  stop(): Promise<void>
}

/**
 * Takes servers of this run of `npm test`, which cost less than new processes. Resolves to undefined if the file runs without `npm test`.
 *
 * The lease is a connection: when this process ends in whatever way, the host takes the servers back.
 *
 * @throws Error if the servers cannot start. If a server ends by itself later, an uncaught error fails the test file
 */
export async function leaseAws(settings: LeaseSettings): Promise<LeasedAws | undefined> {
  const port = process.env[HOST_PORT]
  if (port === undefined) return undefined
  const socket = connect(Number(port), '127.0.0.1')
  await once(socket, 'connect')
  socket.write(`${JSON.stringify(settings)}\n`)
  const messages = createInterface({ input: socket }).on('error', () => undefined)
  const ended = once(messages, 'close').then(() => undefined)
  const first = await Promise.race([once(messages, 'line'), ended])
  const answer: FromHost = first ? JSON.parse(String(first[0])) : { error: 'The host of shared servers has ended' }
  if ('error' in answer) {
    socket.destroy()
    throw new Error(answer.error)
  }
  let isReleased = false
  messages.once('line', line => {
    throw new Error((JSON.parse(line) as { error: string }).error)
  })
  messages.once('close', () => {
    if (!isReleased) throw new Error('The host of shared servers has ended')
  })
  return {
    ...answer.aws,
    async stop() {
      isReleased = true
      await close(socket)
    },
  }
}

async function close(socket: Socket): Promise<void> {
  if (socket.closed) return
  const closed = once(socket, 'close')
  socket.destroy()
  await closed
}
