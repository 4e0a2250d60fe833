/** A completely read answer. */
export interface Reply {
  status: number
  headers: Headers
  /** The JSON body. Empty if there is none. */
  body: Record<string, unknown>
}

/** There was no complete answer, so the effect of the request is unknown. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError'
}

/** Longer than a process is frozen. */
const TIMEOUT_MS = 20_000

/** @throws NoAnswerError */
export async function send(url: string, init: RequestInit): Promise<Reply> {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json') && text !== ''
    const body = isJson ? (JSON.parse(text) as Record<string, unknown>) : {}
    return { status: response.status, headers: response.headers, body }
  } catch (cause) {
    throw new NoAnswerError(why(cause), { cause })
  }
}

function why(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  return cause instanceof Error ? `${error.message}: ${cause.message}` : error.message
}
