import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

/** The Runtime API of one environment of a Lambda function, at a free port of 127.0.0.1. */
export interface RuntimeApi {
  /** The value of `AWS_LAMBDA_RUNTIME_API`, as `HOST:PORT`. */
  readonly address: string
  /**
   * Resolves when the function first asks for an event, which is the end of its init.
   *
   * @throws InvocationError if the function could not start
   */
  readonly initialized: Promise<void>
  /**
   * Invokes the function with an event.
   *
   * @throws InvocationError if the function responds with an error
   */
  invoke<Answer>(event: unknown): Promise<Answer>
  close(): Promise<void>
}

/** The function reported that it could not start, or that its handler failed. */
export class InvocationError extends Error {
  override readonly name = 'InvocationError'
}

interface Invocation {
  event: unknown
  answer: PromiseWithResolvers<unknown>
}

const TIMEOUT_MS = 60_000
const PATH =
  /^\/2018-06-01\/runtime\/(?:invocation\/(?<next>next)|invocation\/(?<id>[^/]+)\/(?<end>response|error)|init\/error)$/

/** https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html */
export async function startRuntimeApi(): Promise<RuntimeApi> {
  const initialized = Promise.withResolvers<void>()
  // Prevents an unhandled rejection while nobody awaits it.
  initialized.promise.catch(() => undefined)
  const waiting: Invocation[] = []
  const inFlight = new Map<string, Invocation>()
  let idle: ServerResponse | undefined

  function hand(): void {
    const invocation = idle && waiting.shift()
    if (!idle || !invocation) return
    const id = crypto.randomUUID()
    inFlight.set(id, invocation)
    idle.writeHead(200, {
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': id,
      'lambda-runtime-deadline-ms': String(Date.now() + TIMEOUT_MS),
      'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:us-east-1:111122223333:function:headgate',
    })
    idle.end(JSON.stringify(invocation.event))
    idle = undefined
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = PATH.exec(request.url ?? '')?.groups
    if (!path) return void response.writeHead(404).end()
    if (path.next) {
      initialized.resolve()
      idle = response
      return hand()
    }
    const body = await text(request)
    const invocation = inFlight.get(path.id ?? '')
    if (path.end === 'response') invocation?.answer.resolve(JSON.parse(body))
    else if (path.end === 'error') invocation?.answer.reject(new InvocationError(body))
    else initialized.reject(new InvocationError(body))
    response.writeHead(202).end()
  }

  const server = createServer((request, response) => void handle(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    initialized: initialized.promise,
    async invoke<Answer>(event: unknown) {
      const answer = Promise.withResolvers<unknown>()
      waiting.push({ event, answer })
      hand()
      return (await Promise.race([answer.promise, initialized.promise.then(() => answer.promise)])) as Answer
    },
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
