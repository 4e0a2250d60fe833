import { ConnectionError, HeadgateError, ProblemError } from './errors.ts'
import { isRetryable, problemOf } from './problem-of.ts'
import { Retries } from './retry.ts'
import { isNode } from './runtime.ts'
import { type SendOptions, send } from './send.ts'

/** Why a token is asked for. */
export interface TokenRequest {
  /** The token that the api has just rejected with 401. Get a new one. Undefined if no token was rejected. */
  rejected?: string | undefined
}

/** Settings of the client. */
export interface HeadgateOptions {
  /** The URL of the api, with the path of its gateway if it has one. */
  url: string | URL
  /** Returns an id or access token of the user pool. Called before every request, and again after a 401. */
  getToken(request: TokenRequest): string | Promise<string>
  /**
   * How long requests are retried without progress, in milliseconds.
   *
   * @default 60,000
   */
  retryForMs?: number | undefined
  /** Called with the error before a request is sent again, for example to tell the user why it takes long. */
  onRetry?: ((error: HeadgateError) => void) | undefined
}

/** A request to the api. */
export interface ApiRequest extends Omit<SendOptions, 'method'> {
  /** @default GET */
  method?: string | undefined
  /** `one`: the request is repeated only after a 401, because its body depends on what has arrived. @default many */
  attempts?: 'one' | 'many' | undefined
}

const RETRY_FOR_MS = 60_000

/** Sends requests to the api with a token, and retries them. */
export class Api {
  readonly retryForMs: number
  readonly onRetry: (error: HeadgateError) => void
  readonly #url: string
  readonly #getToken: HeadgateOptions['getToken']

  constructor({ url, getToken, retryForMs = RETRY_FOR_MS, onRetry = () => undefined }: HeadgateOptions) {
    this.#url = String(url).replace(/\/+$/, '')
    this.#getToken = getToken
    this.retryForMs = retryForMs
    this.onRetry = onRetry
  }

  /** Returns the absolute URL of a path. */
  at(path: string): string {
    return this.#url + path
  }

  /** Returns the header with a token. */
  async authorization(rejected?: string): Promise<{ authorization: string }> {
    return { authorization: `Bearer ${await this.#getToken({ rejected })}` }
  }

  /**
   * Sends a request, and resolves to its successful response.
   *
   * @throws ProblemError, ConnectionError, and the reason of the signal
   */
  async request(path: string, { method = 'GET', attempts = 'many', ...options }: ApiRequest = {}): Promise<Response> {
    const { signal } = options
    const retries = new Retries(this.retryForMs, signal)
    let rejected: string | undefined
    for (;;) {
      signal?.throwIfAborted()
      const { authorization } = await this.authorization(rejected)
      const failure = await attempt(this.at(path), {
        ...options,
        method,
        headers: { ...options.headers, authorization },
      })
      if (failure instanceof Response) return failure
      signal?.throwIfAborted()
      const isRejected = failure instanceof ProblemError && failure.status === 401
      if (isRejected && rejected === undefined) {
        rejected = authorization.slice('Bearer '.length)
        continue
      }
      if (attempts === 'one') throw failure
      const retryAfter = failure instanceof ProblemError ? failure.retryAfter : undefined
      if (!isRetryable(failure)) throw failure
      this.onRetry(failure)
      if (!(await retries.next(retryAfter))) throw failure
    }
  }

  /** Sends a request, and resolves to the JSON of its response. */
  async json<T>(path: string, options?: ApiRequest): Promise<T> {
    return (await (await this.request(path, options)).json()) as T
  }
}

/** Resolves to the successful response, or to the error. */
async function attempt(url: string, options: SendOptions): Promise<Response | HeadgateError> {
  try {
    const response = await send(url, options)
    // A conditional request may be answered 304.
    return response.ok || response.status === 304 ? response : await problemOf(response)
  } catch (cause) {
    if (cause instanceof HeadgateError) return cause
    // Node reports a lost connection with a cause. Without one, the request itself is invalid, and would be so again.
    if (isNode && cause instanceof TypeError && cause.cause === undefined) throw cause
    return new ConnectionError(`${new URL(url).origin} did not respond.`, { cause })
  }
}
