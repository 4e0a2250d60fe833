import { type IncomingMessage, request, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'

/** A connection ended before the exchange did, which is normal in a test of faults. */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError'
}

/** A request at the proxy, and everything that a fault can do with it. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Aborted when the client has its response or has disconnected, or the proxy stops. */
  readonly signal: AbortSignal
  /** Reads the whole body of the request. Cannot be combined with a `forward` that streams the body. */
  body(): Promise<Buffer>
  /**
   * Forwards the request with its own body, streamed, or with another body. Resolves to the head of the server's
   * response, whose body must be read.
   *
   * @throws ConnectionLostError if there is no response
   */
  forward(body?: Buffer): Promise<IncomingMessage>
  /**
   * Streams a response of the server to the client, unchanged.
   *
   * @throws ConnectionLostError
   */
  relay(reply: IncomingMessage): Promise<void>
  /** Forwards the request and relays the response, as without a fault. */
  pass(): Promise<void>
  /** Responds instead of the server. */
  answer(status: number, headers: Record<string, string>, body: string): void
  /** Closes the client's connection normally, even in the middle of a response. */
  cut(): void
  /** Resets the client's connection, as a crash or a firewall does. */
  reset(): void
}

// Headers that belong to one connection. The proxy has two connections.
const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection']

/** The maximum number of bytes that are recorded of an error response's body. */
const MAX_REFUSAL_BYTES = 2_000

/** @param onRefusal called for each response of the server with a status of 400 or more, after it was relayed */
export function createExchange(
  upstream: URL,
  incoming: IncomingMessage,
  response: ServerResponse,
  onRefusal: (status: number, body: string) => void,
): Exchange {
  const done = new AbortController()
  response.once('close', () => done.abort())
  // Ignored: each of their errors also rejects a promise below, or follows from a closed connection.
  incoming.on('error', () => done.abort())
  response.on('error', () => done.abort())

  const exchange: Exchange = {
    request: incoming,
    response,
    signal: done.signal,
    body: () => buffer(incoming).catch(lost),

    forward(body) {
      const without = body ? [...HOP_BY_HOP, 'content-length', 'transfer-encoding', 'expect'] : HOP_BY_HOP
      const headers = except(incoming.rawHeaders, without)
      if (body) headers.push('content-length', String(body.byteLength))
      return new Promise<IncomingMessage>((resolve, reject) => {
        // A new connection for each request: the server might close a kept one, which would be an unintended fault.
        const { method, url: path } = incoming
        const onward = request(upstream, { method, path, headers, agent: false, signal: done.signal })
        // After the head of the response, an error is also an error of the response, and is reported there.
        onward.once('response', resolve).on('error', reject)
        if (body) onward.end(body)
        else incoming.pipe(onward)
      }).catch(lost)
    },

    async relay(reply) {
      response.sendDate = false
      response.writeHead(reply.statusCode ?? 502, reply.statusMessage, except(reply.rawHeaders, HOP_BY_HOP))
      // An event stream may send nothing for long after its head.
      response.flushHeaders()
      const body = (reply.statusCode ?? 0) >= 400 ? keepFirst(reply, MAX_REFUSAL_BYTES) : undefined
      await pipeline(reply, response).catch(lost)
      if (body) onRefusal(reply.statusCode ?? 0, body())
    },

    pass: async () => exchange.relay(await exchange.forward()),

    answer(status, headers, body) {
      // The rest of the request must be read. A client that is still sending would otherwise never read the response.
      incoming.resume()
      response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) })
      response.end(body)
    },

    cut: () => void incoming.socket.destroy(),
    reset: () => void incoming.socket.resetAndDestroy(),
  }
  return exchange
}

/** Records the first bytes of a stream. Returns them as text at its end. */
function keepFirst(reply: IncomingMessage, bytes: number): () => string {
  const kept: Buffer[] = []
  let left = bytes
  reply.on('data', (chunk: Buffer) => {
    if (left > 0) kept.push(chunk.subarray(0, left))
    left -= chunk.byteLength
  })
  return () => Buffer.concat(kept).toString()
}

/** Converts the rejection of a promise into a ConnectionLostError. */
export function lost(cause: unknown): never {
  throw new ConnectionLostError('A connection ended before the exchange did', { cause })
}

/** Returns raw headers (names and values in turn) without some names. */
function except(raw: readonly string[], names: readonly string[]): string[] {
  const kept: string[] = []
  for (let index = 0; index < raw.length; index += 2) {
    const [name = '', value = ''] = raw.slice(index, index + 2)
    if (!names.includes(name.toLowerCase())) kept.push(name, value)
  }
  return kept
}
