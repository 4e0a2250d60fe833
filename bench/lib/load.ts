import { Agent, type IncomingMessage, request as send } from 'node:http'
import { text } from 'node:stream/consumers'
import { BenchError } from './errors.ts'

export interface Load {
  url: string
  headers: Readonly<Record<string, string>>
  /** Returns the body of the nth request, from 0. */
  body(n: number): string
  /** The total number of requests. */
  requests: number
  /** The number of connections. Each sends its next request after a response. */
  connections: number
  /** The maximum duration of all requests together, in milliseconds. */
  timeoutMs: number
}

/**
 * Sends POST requests as fast as the server responds, over persistent connections.
 *
 * @returns the duration, in seconds
 * @throws BenchError if a response is not 200, because a fast failure must not count as speed
 */
export async function postAll({ url, headers, body, requests, connections, timeoutMs }: Load): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const stop = new AbortController()
  const timer = setTimeout(
    () => stop.abort(new BenchError(`${requests} requests got no response within ${timeoutMs} ms.`)),
    timeoutMs,
  )
  let sent = 0

  async function postInTurn(): Promise<void> {
    while (sent < requests) {
      const bytes = Buffer.from(body(sent++))
      const options = {
        method: 'POST',
        agent,
        headers: { ...headers, 'content-length': bytes.length },
        signal: stop.signal,
      }
      const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
      send(url, options, resolve).once('error', reject).end(bytes)
      const response = await promise
      const answer = await text(response)
      if (response.statusCode !== 200) throw new BenchError(`POST ${url}: ${response.statusCode} ${answer}`)
    }
  }

  const started = performance.now()
  try {
    await Promise.all(Array.from({ length: connections }, postInTurn))
    return (performance.now() - started) / 1_000
  } catch (error) {
    // After the first failure or the timeout, the other connections are closed.
    stop.abort(error)
    const { reason } = stop.signal
    if (reason instanceof BenchError) throw reason
    throw new BenchError(`POST ${url}: ${reason instanceof Error ? reason.message : reason}`, { cause: reason })
  } finally {
    clearTimeout(timer)
    agent.destroy()
  }
}
