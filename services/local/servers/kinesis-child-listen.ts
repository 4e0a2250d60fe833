import net from 'node:net'

export interface ListenSettings {
  host: string
  /** Maps the port that the server asks for to the port that it gets; 0 means any free port. */
  ports: Readonly<Record<number, number>>
  /**
   * Called when a server listens.
   *
   * @param label the port that the server asked for
   */
  listening(label: number, port: number): void
  failed(error: NodeJS.ErrnoException): void
}

export interface Listening {
  /** Closes every connection. An idle connection would keep the program running for as long as its client likes. */
  disconnect(): void
}

/**
 * Redirects every server of this process that asks for a port of `ports` to `host` and the mapped port. kinesis-local
 * has a setting for its ports but none for its address, and does not report which free port it got.
 */
export function redirectListen({ host, ports, listening, failed }: ListenSettings): Listening {
  const connections = new Set<net.Socket>()
  const listen = net.Server.prototype.listen
  function listenThere(this: net.Server, ...args: unknown[]): net.Server {
    const [label, done] = [args[0], args.at(-1)]
    const port = typeof label === 'number' ? ports[label] : undefined
    if (typeof label !== 'number' || port === undefined || typeof done !== 'function') {
      throw new Error('kinesis-local listens in a way that this module does not know: its version may have changed')
    }
    this.once('error', failed)
    this.on('connection', connection => {
      connections.add(connection)
      connection.once('close', () => connections.delete(connection))
      // Between two requests, kinesis-local may have no error listener. The error of `disconnect` must not be uncaught.
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
      // With an error, because kinesis-local keeps waiting for a connection that is merely closed.
      for (const connection of connections) connection.destroy(new Error('Kinesis is stopping'))
    },
  }
}
