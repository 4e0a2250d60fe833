import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { ConnectionLostError, createExchange, type Exchange } from './faults/exchange.ts'

/** A request that the proxy received. */
export interface SeenRequest {
  readonly method: string
  /** The path with the query. */
  readonly path: string
  /** The header `x-amz-target`, such as `Kinesis_20131202.PutRecords`. Empty without the header, as with S3. */
  readonly target: string
}

export type Match = (request: SeenRequest) => boolean

/** Handles a request. It must respond or end the connection. */
export type Fault = (exchange: Exchange) => Promise<void> | void

export interface InjectionSettings {
  /**
   * Which requests the fault applies to.
   * @default all
   */
  when?: Match
  /**
   * The number of requests that the fault applies to.
   * @default all requests until the fault is removed
   */
  times?: number
}

/** An error response of the server. */
export interface Refusal extends SeenRequest {
  readonly status: number
  /** The beginning of the body, as text. */
  readonly body: string
}

/** An injected fault. */
export interface Injection {
  /** The number of requests that the fault has handled. */
  readonly hits: number
  /** Resolves once the fault has handled this many requests. */
  reached(hits?: number): Promise<void>
  remove(): void
}

export interface FaultProxy {
  /** The endpoint for clients, instead of the server's own. */
  readonly url: string
  /** Every request so far, the oldest first. */
  readonly seen: readonly SeenRequest[]
  /**
   * Every response of the server with a status of 400 or more that a client got, the oldest first. Responses of faults
   * are not in it.
   */
  readonly refusals: readonly Refusal[]
  /**
   * Returns the number of matching requests so far.
   * @default of all requests
   */
  count(match?: Match): number
  /** Returns the number of requests by target, or by method without a target. */
  counts(): Record<string, number>
  /** Injects a fault for matching requests. If several match a request, the oldest is used. */
  inject(fault: Fault, settings?: InjectionSettings): Injection
}

/** Matches requests of an operation of Kinesis, DynamoDB or Cognito, such as `PutRecords`. */
export function operation(name: string): Match {
  return ({ target }) => target.endsWith(`.${name}`)
}

/** Matches requests by method and path, for S3. */
export function to(method: string, path = /^/): Match {
  return request => request.method === method && path.test(request.path)
}

/**
 * Starts a reverse proxy on 127.0.0.1 in front of one server of the embedded AWS, for the duration of the test. Without
 * a fault, it streams requests and responses unchanged. The faults are in faults/.
 *
 * A fault that throws, or does not respond to a request, fails the test at its end.
 */
export async function startFaultProxy(t: Pick<Test, 'teardown'>, upstream: string): Promise<FaultProxy> {
  const seen: SeenRequest[] = []
  const injections = new Set<ReturnType<typeof createInjection>>()
  const refusals: Refusal[] = []
  const broken: unknown[] = []
  const target = new URL(upstream)

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = describe(incoming)
    seen.push(request)
    const exchange = createExchange(target, incoming, response, (status, body) => {
      refusals.push({ ...request, status, body })
    })
    const injection = [...injections].find(({ matches }) => matches(request))
    try {
      await (injection ? injection.hit()(exchange) : exchange.pass())
      if (!response.writableEnded && !incoming.socket.destroyed)
        throw new Error('The fault did not respond to a request')
    } catch (error) {
      if (!isConsequence(error, exchange)) broken.push(error)
      exchange.cut()
    }
  }

  const server = createServer({ requestTimeout: 0 }, (incoming, response) => void handle(incoming, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
    if (broken.length > 0) throw new AggregateError(broken, 'A fault of the proxy is broken')
  })

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    refusals,
    count: (match = () => true) => seen.filter(match).length,
    counts() {
      const counts: Record<string, number> = {}
      for (const request of seen) {
        const key = request.target || request.method
        counts[key] = (counts[key] ?? 0) + 1
      }
      return counts
    },
    inject(fault, settings = {}) {
      const injection = createInjection(fault, settings, () => injections.delete(injection))
      injections.add(injection)
      return injection
    },
  }
}

function createInjection(
  fault: Fault,
  { when = () => true, times = Number.POSITIVE_INFINITY }: InjectionSettings,
  remove: () => void,
) {
  let hits = 0
  const waiting: Array<{ at: number; resolve(): void }> = []
  return {
    matches: (request: SeenRequest) => hits < times && when(request),
    hit() {
      hits++
      for (const { at, resolve } of waiting) if (at <= hits) resolve()
      if (hits >= times) remove()
      return fault
    },
    get hits() {
      return hits
    },
    reached: (at = 1) => new Promise<void>(resolve => (at <= hits ? resolve() : waiting.push({ at, resolve }))),
    remove,
  }
}

function describe({ method = '', url = '', headers }: IncomingMessage): SeenRequest {
  return { method, path: url, target: String(headers['x-amz-target'] ?? '') }
}

/** Returns whether an error only means that the exchange ended early, which a fault or a client may cause. */
function isConsequence(error: unknown, { signal }: Exchange): boolean {
  return (
    error instanceof ConnectionLostError || (signal.aborted && error instanceof Error && error.name === 'AbortError')
  )
}
