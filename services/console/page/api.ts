import type { Failure } from '../snapshot.ts'

/** A request failed. The message and the advice are for people. */
export class RequestError extends Error {
  readonly status: number
  readonly advice: string

  constructor(status: number, { title, advice }: Failure) {
    super(title)
    this.status = status
    this.advice = advice
  }

  get failure(): Failure {
    return { title: this.message, advice: this.advice }
  }
}

const TOKEN_KEY = 'headgate-console-token'

/**
 * Moves the token from the address into the storage of this tab, so that it is neither in the history nor in a copied address. The part
 * of the address after `#` is never sent.
 */
export function takeToken(): void {
  const given = /^#t=([\w-]+)$/.exec(location.hash)?.[1]
  if (given === undefined) return
  sessionStorage.setItem(TOKEN_KEY, given)
  history.replaceState(null, '', '#/')
}

export function hasToken(): boolean {
  return sessionStorage.getItem(TOKEN_KEY) !== null
}

/** Sends a request to the console. @throws RequestError */
export async function request(path: string, options: RequestInit = {}): Promise<Response> {
  const headers = new Headers(options.headers)
  headers.set('authorization', `Bearer ${sessionStorage.getItem(TOKEN_KEY) ?? ''}`)
  let response: Response
  try {
    response = await fetch(path, { ...options, headers })
  } catch (error) {
    if (options.signal?.aborted) throw error
    throw new RequestError(0, {
      title: 'The console does not respond.',
      advice: 'It has ended, or this machine was asleep. Start it again, and open the address that it prints.',
    })
  }
  if (response.ok) return response
  throw new RequestError(response.status, await failureOf(response))
}

async function failureOf(response: Response): Promise<Failure> {
  const text = await response.text()
  try {
    const { title, detail, advice } = JSON.parse(text) as Partial<Failure> & { detail?: string }
    return { title: title ?? `The request failed with status ${response.status}.`, advice: advice ?? detail ?? '' }
  } catch {
    return { title: `The request failed with status ${response.status}.`, advice: text.slice(0, 500) }
  }
}

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await (await request(path, signal ? { signal } : {})).json()) as T
}

export async function sendJson<T>(method: string, path: string, body: unknown): Promise<T> {
  const response = await request(path, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return (await response.json()) as T
}

/** Yields the parts of a text response, as they arrive. */
async function* partsOf(response: Response, separator: string): AsyncGenerator<string, void> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  if (!reader) return
  let rest = ''
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      const parts = (rest + next.value).split(separator)
      rest = parts.pop() ?? ''
      yield* parts
    }
  } finally {
    await reader.cancel().catch(() => undefined) // The connection is already gone.
  }
}

/** Yields the values of a response with one JSON value in each line. */
export async function* lines<T>(path: string, signal: AbortSignal): AsyncGenerator<T, void> {
  for await (const line of partsOf(await request(path, { signal }), '\n')) yield JSON.parse(line) as T
}

/** Yields the data of server-sent events. EventSource cannot send the token. */
export async function* events<T>(path: string, signal: AbortSignal): AsyncGenerator<T, void> {
  for await (const event of partsOf(await request(path, { signal }), '\n\n')) {
    const data = event.split('\n').find(line => line.startsWith('data: '))
    if (data !== undefined) yield JSON.parse(data.slice('data: '.length)) as T
  }
}

/** Returns the token of this page, which is not the token of the api. */
export function token(): string {
  return sessionStorage.getItem(TOKEN_KEY) ?? ''
}
