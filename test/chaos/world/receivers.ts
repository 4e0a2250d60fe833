import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as pass } from 'node:timers/promises'
import { Webhook } from 'standardwebhooks'
import type { Notification } from '../../../services/uploads/notifications/notification.ts'
import { SeededRandom } from '../../simulation/random.ts'
import type { Arrival, NotificationLedger } from '../evidence/ledger.ts'
import type { Scope } from './scope.ts'

/**
 * What a receiver does with a request. `cut`: it dies in the middle of the head of its response. `cut after accepting`: it
 * dies in the middle of the body of a response with status 200.
 */
type Behaviour = 'accept' | 'cut after accepting' | 'hang' | 'cut' | 'gone' | 'busy' | 'error' | 'redirect'

/** Refuses every request, each time in another way. */
const REFUSALS = ['cut', 'busy', 'error', 'redirect'] as const satisfies readonly Behaviour[]

const FLAKY = ['accept', 'cut after accepting', 'hang', ...REFUSALS, 'not listening'] as const

/** How long the flaky receiver behaves in one way, in milliseconds. */
const FLAKY_MS = { least: 200, most: 3_000 }

const SECRET = `whsec_${Buffer.alloc(24, 'chaos').toString('base64')}`

/** An address on which nobody listens. */
const NOWHERE = 'http://127.0.0.1:9'

/** Receivers of notifications: healthy ones, and one for each way in which a receiver can be dead. */
export interface Receivers {
  /** Makes workers notify all receivers. */
  env: Record<string, string>
  /** What has arrived so far. */
  ledger: NotificationLedger
  /** Number of requests that are open, because the hanging receiver does not answer. */
  hanging(): number
  /** Makes the flaky receiver accept everything from now on. */
  recover(): Promise<void>
  /** Ends the hanging receiver, which cuts the requests that it has not answered. */
  hangUp(): Promise<void>
}

export async function startReceivers(scope: Scope, seed: number): Promise<Receivers> {
  const random = new SeededRandom(seed, 'receivers')
  const arrivals: Arrival[] = []
  const start = (name: string, choose: () => Behaviour) => startReceiver(scope, { name, choose, arrivals })

  let flakyBehaviour: Behaviour = 'accept'
  const steady = await start('steady', () => 'accept')
  const flaky = await start('flaky', () => flakyBehaviour)
  const hanging = await start('hanging', () => 'hang')
  const failing = await start('failing', () => random.pick(REFUSALS) ?? 'error')
  const gone = await start('gone', () => 'gone')

  const recovered = new AbortController()
  async function changeFlaky(): Promise<void> {
    while (!recovered.signal.aborted) {
      const next = random.pick(FLAKY) ?? 'accept'
      if (next === 'not listening') await flaky.close()
      else {
        flakyBehaviour = next
        await flaky.listen()
      }
      await pass(random.between(FLAKY_MS.least, FLAKY_MS.most), undefined, { signal: recovered.signal }).catch(
        error => {
          if (!recovered.signal.aborted) throw error
        },
      )
    }
  }
  const changing = changeFlaky()
  async function recover(): Promise<void> {
    recovered.abort()
    await changing
    flakyBehaviour = 'accept'
    await flaky.listen()
  }
  scope.teardown(recover)

  const urls = {
    ...{ steady: steady.url, flaky: flaky.url, hanging: hanging.url, failing: failing.url, gone: gone.url },
    'not-listening': NOWHERE,
  }
  const destinations = Object.entries(urls).map(([name, webhook]) => ({ name, webhook, secrets: [SECRET] }))
  return {
    env: { NOTIFICATIONS: JSON.stringify(destinations), NOTIFICATIONS_ALLOW_ADDRESSES: '127.0.0.1' },
    ledger: {
      receivers: Object.keys(urls).map(name => ({ name, isHealthy: name === 'steady' || name === 'flaky' })),
      arrivals,
    },
    hanging: hanging.open,
    recover,
    hangUp: hanging.close,
  }
}

interface ReceiverSettings {
  name: string
  choose(): Behaviour
  arrivals: Arrival[]
}

async function startReceiver(scope: Scope, { name, choose, arrivals }: ReceiverSettings) {
  let open = 0
  const server = createServer(async (request, response) => {
    open++
    response.once('close', () => open--)
    const body = await text(request).catch(() => undefined)
    // The worker was killed while it sent the request.
    if (body === undefined) return
    const behaviour = choose()
    arrivals.push({ receiver: name, ...arrivalOf(body, request), isAccepted: ACCEPTING.has(behaviour) })
    answer(behaviour, response)
  })
  await listen(server, 0)
  const { port } = server.address() as AddressInfo
  async function close(): Promise<void> {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  scope.teardown(close)
  return {
    url: `http://127.0.0.1:${port}/`,
    open: () => open,
    close,
    async listen() {
      if (!server.listening) await listen(server, port)
    },
  }
}

async function listen(server: Server, port: number): Promise<void> {
  const listening = once(server, 'listening')
  server.listen(port, '127.0.0.1')
  await listening
}

const ACCEPTING: ReadonlySet<Behaviour> = new Set(['accept', 'cut after accepting'])

function answer(behaviour: Behaviour, response: ServerResponse): void {
  switch (behaviour) {
    case 'accept':
      response.writeHead(204).end()
      return
    case 'cut after accepting':
      response.socket?.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly a part')
      return
    case 'hang':
      return
    case 'cut':
      response.socket?.end('HTTP/1.1 20')
      return
    case 'gone':
      response.writeHead(410).end()
      return
    case 'busy':
      response.writeHead(429, { 'retry-after': '2' }).end()
      return
    case 'error':
      response.writeHead(500).end('an error')
      return
    case 'redirect':
      response.writeHead(307, { location: NOWHERE }).end()
  }
}

function arrivalOf(body: string, { headers }: IncomingMessage) {
  const { id, type, data } = JSON.parse(body) as Notification
  const { owner, uploadId, status, filename, failure, outputs } = data
  return {
    ...{ id, type, owner, uploadId, status, filename, isSigned: isSigned(body, headers) },
    ...(failure && { failureCode: failure.code }),
    ...(outputs && { outputKeys: outputs.flatMap(({ key }) => key ?? []) }),
  }
}

function isSigned(body: string, headers: IncomingMessage['headers']): boolean {
  try {
    new Webhook(SECRET).verify(body, headers as Record<string, string>)
    return true
  } catch {
    return false
  }
}
