import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { ConnectionLostError, createExchange, type Exchange } from './faults/exchange.ts'

/** A request as it came to the proxy. */
export interface SeenRequest {
  readonly method: string
  /** With its query. */
  readonly path: string
  /** The header `x-amz-target`, as `Kinesis_20131202.PutRecords`. Empty where there is none, as with S3. */
  readonly target: string
}

export type Match = (request: SeenRequest) => boolean

/** What becomes of a request. It has to answer, or to end the connection. */
export type Fault = (exchange: Exchange) => Promise<void> | void

export interface InjectionSettings {
  /** Which requests it is for. Default: all. */
  when?: Match
  /** For how many of them. Default: until it is removed. */
  times?: number
}

/** A reply by which the server refused a request, or failed it. */
export interface Refusal extends SeenRequest {
  readonly status: number
  /** The beginning of the reply's body, as text. */
  readonly body: string
}

/** A fault in its place. */
export interface Injection {
  /** How many requests it has had. */
  readonly hits: number
  /** Resolves once it has had so many. */
  reached(hits?: number): Promise<void>
  remove(): void
}

export interface FaultProxy {
  /** The endpoint to give to clients in the place of the server's own. */
  readonly url: string
  /** Every request that came, the oldest first. */
  readonly seen: readonly SeenRequest[]
  /** Every reply of the server with a status from 400 on that a client got, the oldest first. Replies of faults are not in it. */
  readonly refusals: readonly Refusal[]
  /** How many requests of a kind came. Default: of all. */
  count(match?: Match): number
  /** How many came of each target; of each method where there is no target. */
  counts(): Record<string, number>
  /** From now on, requests of a kind have this fault. Of several for the same request, the oldest has it. */
  inject(fault: Fault, settings?: InjectionSettings): Injection
}

/** Requests of an operation of Kinesis, DynamoDB or Cognito, as `PutRecords`. */
export function operation(name: string): Match {
  return ({ target }) => target.endsWith(`.${name}`)
}

/** Requests of a method whose path fits, as those of S3 are told apart. */
export function to(method: string, path = /^/): Match {
  return request => request.method === method && path.test(request.path)
}

/**
 * A reverse proxy on 127.0.0.1 in front of one server of the embedded AWS, for as long as the test. Without a fault it
 * streams requests and replies through as they are. What each fault is, is in faults/.
 *
 * A fault that throws, or leaves a request unanswered, fails the test at its end.
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
      if (!response.writableEnded && !incoming.socket.destroyed) throw new Error('The fault left a request unanswered')
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

/** Whether an error only says that the exchange has ended early, as a fault or a client may want it. */
function isConsequence(error: unknown, { signal }: Exchange): boolean {
  return (
    error instanceof ConnectionLostError || (signal.aborted && error instanceof Error && error.name === 'AbortError')
  )
}
