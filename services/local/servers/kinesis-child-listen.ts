import net from 'node:net'

export interface ListenSettings {
  host: string
  /** By the port that the server asks for, the one it gets: 0 for any free one. */
  ports: Readonly<Record<number, number>>
  /** @param label the port that was asked for */
  listening(label: number, port: number): void
  failed(error: NodeJS.ErrnoException): void
}

export interface Listening {
  /** Cuts every connection: an idle one keeps the program from ending for as long as its client likes. */
  disconnect(): void
}

/**
 * Puts every server of this process that asks for a port of `ports` on `host` instead of on all interfaces. For a program
 * that has a setting for its ports but none for its address, and that does not say which free port it got.
 */
export function redirectListen({ host, ports, listening, failed }: ListenSettings): Listening {
  const connections = new Set<net.Socket>()
  const listen = net.Server.prototype.listen
  function listenThere(this: net.Server, ...args: unknown[]): net.Server {
    const [label, done] = [args[0], args.at(-1)]
    const port = typeof label === 'number' ? ports[label] : undefined
    if (typeof label !== 'number' || port === undefined || typeof done !== 'function') {
      throw new Error('kinesis-local asks for its ports in a way that is not known')
    }
    this.once('error', failed)
    this.on('connection', connection => {
      connections.add(connection)
      connection.once('close', () => connections.delete(connection))
      // Between two requests kinesis-local may not be listening for errors, and ours at the end must not be uncaught.
      connection.on('error', () => undefined)
    })
    return listen.call(this, { port, host }, () => {
      this.off('error', failed)
      listening(label, (this.address() as net.AddressInfo).port)
      done()
    })
  }
  Object.assign(net.Server.prototype, { listen: listenThere })
  return {
    disconnect() {
      // With an error: kinesis-local goes on waiting for a connection that is merely closed.
      for (const connection of connections) connection.destroy(new Error('Kinesis is stopping'))
    },
  }
}
