import type { Test } from 'tap'
import { type Console, type ConsoleSettings, startConsole } from '../../services/console/console.ts'
import { createLocalClients } from '../../services/local/clients.ts'
import { names } from '../../services/platform/resources.ts'

type Urls = Record<'s3' | 'dynamodb' | 'kinesis', string>

/** No server listens at this port. */
export const NOWHERE = 'http://127.0.0.1:9'

export interface TestConsole extends Console {
  origin: string
  token: string
  /** Sends a request with the token. */
  get(path: string, options?: RequestInit): Promise<Response>
}

/** Starts a console for the duration of the test. An error that is a bug fails the test. */
export async function startTestConsole(
  t: Pick<Test, 'teardown' | 'fail'>,
  urls: Partial<Urls> = {},
  settings: Partial<ConsoleSettings> = {},
): Promise<TestConsole> {
  const clients = createLocalClients({ s3: NOWHERE, dynamodb: NOWHERE, kinesis: NOWHERE, ...urls })
  t.teardown(() => clients.destroy())
  const console = await startConsole({
    clients,
    region: 'us-east-1',
    streamName: names.stream,
    applicationName: names.application,
    failoverMs: 10_000,
    operator: 'tester',
    uploadsTable: names.uploadsTable,
    port: 0,
    allowChanges: false,
    onError: error => t.fail(error.message, error),
    ...settings,
  })
  t.teardown(() => console.close())
  const { origin, hash } = new URL(console.url)
  const token = hash.slice('#t='.length)
  return {
    ...console,
    origin,
    token,
    get: (path, options = {}) =>
      fetch(`${origin}${path}`, { ...options, headers: { authorization: `Bearer ${token}`, ...options.headers } }),
  }
}

/** Yields the events of the live stream. */
export async function* liveEvents<T>(console: TestConsole, signal: AbortSignal): AsyncGenerator<T, void> {
  const response = await console.get('/api/live', { signal })
  let rest = ''
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const parts = (rest + chunk).split('\n\n')
    rest = parts.pop() ?? ''
    for (const part of parts) if (part.startsWith('data: ')) yield JSON.parse(part.slice('data: '.length)) as T
  }
}
