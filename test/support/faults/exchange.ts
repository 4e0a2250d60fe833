import { type IncomingMessage, request, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'

/** A connection ended before the exchange did: in a test of faults nothing unusual. */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError'
}

/** One request at the proxy, and everything that a fault can do with it. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Fires when the client has its answer, has gone, or the proxy ends. */
  readonly signal: AbortSignal
  /** Reads the request's body whole. Not together with a `forward` that streams it. */
  body(): Promise<Buffer>
  /**
   * Sends the request on, its body as it comes or another in its place. Resolves to the head of the server's reply, whose
   * body is to be read.
   *
   * @throws ConnectionLostError where there is no reply
   */
  forward(body?: Buffer): Promise<IncomingMessage>
  /** Streams a reply of the server to the client, unchanged. @throws ConnectionLostError */
  relay(reply: IncomingMessage): Promise<void>
  /** Forwards and relays: what happens without a fault. */
  pass(): Promise<void>
  /** Answers in the server's place. */
  answer(status: number, headers: Record<string, string>, body: string): void
  /** Ends the client's connection in order, in the middle of whatever was going on. */
  cut(): void
  /** Resets the client's connection, as a crash or a firewall does. */
  reset(): void
}

// They belong to one connection each, and the proxy has two.
const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection']

/** How much of a refusal's body is kept, in bytes. */
const MAX_REFUSAL_BYTES = 2_000

/** @param onRefusal called for each reply of the server with a status from 400 on, once it is relayed */
export function createExchange(
  upstream: URL,
  incoming: IncomingMessage,
  response: ServerResponse,
  onRefusal: (status: number, body: string) => void,
): Exchange {
  const done = new AbortController()
  response.once('close', () => done.abort())
  // Every error of theirs is also one of a promise below, or follows from a cut.
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
        // A connection of its own: a kept one that the server closes meanwhile would be a fault that nobody asked for.
        const { method, url: path } = incoming
        const onward = request(upstream, { method, path, headers, agent: false, signal: done.signal })
        // After the reply's head an error is the reply's as well, and is told there.
        onward.once('response', resolve).on('error', reject)
        if (body) onward.end(body)
        else incoming.pipe(onward)
      }).catch(lost)
    },

    async relay(reply) {
      response.sendDate = false
      response.writeHead(reply.statusCode ?? 502, reply.statusMessage, except(reply.rawHeaders, HOP_BY_HOP))
      // An event stream may be silent for long after its head.
      response.flushHeaders()
      const body = (reply.statusCode ?? 0) >= 400 ? keepFirst(reply, MAX_REFUSAL_BYTES) : undefined
      await pipeline(reply, response).catch(lost)
      if (body) onRefusal(reply.statusCode ?? 0, body())
    },

    pass: async () => exchange.relay(await exchange.forward()),

    answer(status, headers, body) {
      // What is left of the request has to be read, or a client that is still sending never reads the answer.
      incoming.resume()
      response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) })
      response.end(body)
    },

    cut: () => void incoming.socket.destroy(),
    reset: () => void incoming.socket.resetAndDestroy(),
  }
  return exchange
}

/** Keeps the first bytes that pass. Returns them as text, once they have passed. */
function keepFirst(reply: IncomingMessage, bytes: number): () => string {
  const kept: Buffer[] = []
  let left = bytes
  reply.on('data', (chunk: Buffer) => {
    if (left > 0) kept.push(chunk.subarray(0, left))
    left -= chunk.byteLength
  })
  return () => Buffer.concat(kept).toString()
}

/** For the end of a promise that a connection can break. */
export function lost(cause: unknown): never {
  throw new ConnectionLostError('A connection ended before the exchange did', { cause })
}

/** Raw headers, as names and values in turn, without some. */
function except(raw: readonly string[], names: readonly string[]): string[] {
  const kept: string[] = []
  for (let index = 0; index < raw.length; index += 2) {
    const [name = '', value = ''] = raw.slice(index, index + 2)
    if (!names.includes(name.toLowerCase())) kept.push(name, value)
  }
  return kept
}
