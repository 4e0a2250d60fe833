import type { Test } from 'tap'

export interface ServerSentEvent {
  id: string
  event: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look at whatever they expect in it
  data: any
}

export interface EventSource {
  status: number
  headers: Headers
  /** Resolves to the next event. Rejects if the stream ends first. */
  next(): Promise<ServerSentEvent>
  /** Resolves to everything beside events once the stream has ended. */
  rest(): Promise<{ events: ServerSentEvent[]; retry: number | undefined }>
  /** Disconnects. */
  leave(): void
}

/** Opens a client of server-sent events that follows the HTML standard, until the test ends. */
export async function listen(
  t: Pick<Test, 'teardown'>,
  url: string,
  headers: Record<string, string>,
): Promise<EventSource> {
  const gone = new AbortController()
  t.teardown(() => gone.abort())
  const response = await fetch(url, { headers: { accept: 'text/event-stream', ...headers }, signal: gone.signal })
  let retry: number | undefined

  async function* events(): AsyncGenerator<ServerSentEvent> {
    const decoder = new TextDecoder()
    let text = ''
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true })
      const blocks = text.split('\n\n')
      text = blocks.pop() ?? ''
      for (const block of blocks) {
        const fields = fieldsOf(block)
        if (fields.retry !== undefined) retry = Number(fields.retry)
        if (fields.data !== undefined) {
          yield { id: fields.id ?? '', event: fields.event ?? 'message', data: JSON.parse(fields.data) }
        }
      }
    }
    if (text !== '') throw new Error(`The stream ended inside of an event: ${text}`)
  }

  const stream = events()
  return {
    status: response.status,
    headers: response.headers,
    async next() {
      const { value, done } = await stream.next()
      if (done) throw new Error('The stream has ended')
      return value
    },
    async rest() {
      const left: ServerSentEvent[] = []
      for await (const event of stream) left.push(event)
      return { events: left, retry }
    },
    leave: () => gone.abort(),
  }
}

function fieldsOf(block: string): Record<string, string> {
  const lines = block.split('\n').filter(line => !line.startsWith(':'))
  return Object.fromEntries(lines.map(line => line.split(/: (.*)/s).slice(0, 2)))
}
