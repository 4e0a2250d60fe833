import { Agent, type IncomingMessage, request as send } from 'node:http'
import { text } from 'node:stream/consumers'
import { BenchError } from './errors.ts'

export interface Load {
  url: string
  headers: Readonly<Record<string, string>>
  /** The body of the nth request, from 0. */
  body(n: number): string
  /** How many requests in all. */
  requests: number
  /** How many connections, each of which sends its next request once it has its answer. */
  connections: number
  /** How long all of it may take, in milliseconds. */
  timeoutMs: number
}

/**
 * Posts, as fast as it is answered, over connections that are kept open.
 *
 * @returns how long it took, in seconds
 * @throws BenchError where an answer is not 200: what fails is no work done, however fast
 */
export async function postAll({ url, headers, body, requests, connections, timeoutMs }: Load): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const stop = new AbortController()
  const timer = setTimeout(
    () => stop.abort(new BenchError(`${requests} requests were not answered within ${timeoutMs} ms.`)),
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
    // The first that failed, or the time that was up. The others need not go on.
    stop.abort(error)
    const { reason } = stop.signal
    if (reason instanceof BenchError) throw reason
    throw new BenchError(`POST ${url}: ${reason instanceof Error ? reason.message : reason}`, { cause: reason })
  } finally {
    clearTimeout(timer)
    agent.destroy()
  }
}
