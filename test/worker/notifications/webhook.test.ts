import { once } from 'node:events'
import { createServer } from 'node:net'
import tls from 'node:tls'
import { inspect } from 'node:util'
import { Webhook } from 'standardwebhooks'
import t, { type Test } from 'tap'
import { DeliveryError, type Destination } from '../../../services/worker/notifications/destination.ts'
import { createWebhook, type WebhookSettings } from '../../../services/worker/notifications/webhook.ts'
import { startSilent } from '../../support/silent.ts'
import { NEXT_SECRET, notification, type Receiver, SECRET, selfSigned, startReceiver } from './receiver.ts'

const going = new AbortController().signal
const LOOPBACK = '127.0.0.0/8,::1'

async function webhook(t: Test, url: string, settings: Partial<WebhookSettings> = {}): Promise<Destination> {
  const destination = await createWebhook({
    name: 'crm',
    url,
    secrets: async () => [SECRET],
    wants: () => true,
    allowAddresses: LOOPBACK,
    ...settings,
  })
  t.teardown(() => destination.close())
  return destination
}

/** Resolves to the error of a notification that is not accepted. Checks that the error shows nothing that may be secret. */
async function failureOf(t: Test, destination: Destination): Promise<DeliveryError> {
  const error: unknown = await destination.send(notification, going).then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!(error instanceof DeliveryError)) throw new Error('The notification was accepted.', { cause: error })
  t.notMatch(inspect(error, { depth: 5, showHidden: true }), /whsec_|in-the-url|in-the-answer/, 'nothing secret')
  return error
}

t.test('posts a signed notification as JSON, which the package of the specification verifies', async t => {
  const receiver = await startReceiver(t)
  const destination = await webhook(t, `${receiver.url}/hooks?token=1`)
  await destination.send(notification, going)
  const [{ method, url, headers, body }] = receiver.received as [Receiver['received'][0]]
  t.strictSame([method, url], ['POST', '/hooks?token=1'])
  t.match(headers, { 'content-type': 'application/json', 'user-agent': /^headgate\//, 'webhook-id': notification.id })
  t.strictSame(new Webhook(SECRET).verify(body, headers), notification)
  t.throws(() => new Webhook(NEXT_SECRET).verify(body, headers), { message: 'No matching signature found' })
  t.throws(() => new Webhook(SECRET).verify(`${body} `, headers), { message: 'No matching signature found' })
  const age = Date.now() / 1_000 - Number(headers['webhook-timestamp'])
  t.ok(age >= 0 && age < 10, 'the timestamp is that of the attempt, not of the notification')
})

t.test('signs with every secret, so that a receiver may have the old or the new one during a rotation', async t => {
  const receiver = await startReceiver(t)
  let secrets = [SECRET]
  const destination = await webhook(t, receiver.url, { secrets: async () => secrets })
  secrets = [NEXT_SECRET, SECRET]
  await destination.send(notification, going)
  secrets = [NEXT_SECRET]
  await destination.send(notification, going)
  const [during, after] = receiver.received as [Receiver['received'][0], Receiver['received'][0]]
  t.match(during.headers['webhook-signature'], /^v1,\S+ v1,\S+$/)
  for (const secret of [SECRET, NEXT_SECRET]) new Webhook(secret).verify(during.body, during.headers)
  new Webhook(NEXT_SECRET).verify(after.body, after.headers)
  t.throws(() => new Webhook(SECRET).verify(after.body, after.headers))
})

t.test('a status of 2xx accepts a notification, 410 ends it, and any other status refuses it', async t => {
  let status = 200
  const receiver = await startReceiver(t, response => response.writeHead(status).end('in-the-answer'))
  const destination = await webhook(t, `${receiver.url}/?token=in-the-url`)
  for (status of [200, 201, 202, 204, 299]) await destination.send(notification, going)
  status = 410
  t.match(await failureOf(t, destination), { failure: 'gone', message: /"crm" answered 410/ })
  for (status of [300, 304, 400, 401, 404, 429, 500, 503]) {
    t.match(await failureOf(t, destination), { failure: 'refused', message: new RegExp(`answered ${status}\\.`) })
  }
})

t.test('does not follow redirects', async t => {
  const elsewhere = await startReceiver(t)
  const receiver = await startReceiver(t, response => response.writeHead(307, { location: elsewhere.url }).end())
  const error = await failureOf(t, await webhook(t, receiver.url))
  t.match(error, { failure: 'refused', message: /answered 307\. Redirects are not followed/ })
  t.strictSame(elsewhere.received, [])
})

t.test('returns how long the receiver asks to wait, in seconds or as a date, at most 4 hours', async t => {
  let header = '120'
  const receiver = await startReceiver(t, response => response.writeHead(429, { 'retry-after': header }).end())
  const destination = await webhook(t, receiver.url)
  t.equal((await failureOf(t, destination)).retryAfterMs, 120_000)
  header = new Date(Date.now() + 60_000).toUTCString()
  const { retryAfterMs = 0 } = await failureOf(t, destination)
  t.ok(retryAfterMs > 50_000 && retryAfterMs <= 60_000, `${retryAfterMs}`)
  header = '99999999999999999999'
  t.equal((await failureOf(t, destination)).retryAfterMs, 4 * 3_600_000)
  header = new Date(0).toUTCString()
  t.equal((await failureOf(t, destination)).retryAfterMs, 0)
  header = 'soon'
  t.equal((await failureOf(t, destination)).retryAfterMs, undefined)
})

t.test('gives up a receiver that does not answer after the time-out, also one whose name server hangs', async t => {
  const silent = await webhook(t, await startSilent(t), { timeoutMs: 200 })
  t.match(await failureOf(t, silent), { failure: 'time-out', message: /"crm" did not answer within 0\.2 s/ })
  const unresolved = await webhook(t, 'https://receiver.example', { timeoutMs: 200, lookup: () => undefined })
  t.match(await failureOf(t, unresolved), { failure: 'time-out' })
  const head = await startReceiver(t, response => response.write('in-the-answer'))
  await (await webhook(t, head.url, { timeoutMs: 5_000 })).send(notification, going)
  t.pass('a body that never ends does not matter after a status of 2xx')
})

t.test('stops at once when the caller aborts, with the reason of the abort', async t => {
  const destination = await webhook(t, await startSilent(t))
  const stopping = new AbortController()
  const sent = destination.send(notification, stopping.signal)
  stopping.abort(new Error('shutdown'))
  await t.rejects(sent, { message: 'shutdown' })
})

t.test('reads at most a little of an answer, and keeps working after one that is huge or endless', async t => {
  let sentBytes = 0
  let isHuge = true
  const chunk = Buffer.alloc(64 * 1024, 'x')
  const receiver = await startReceiver(t, response => {
    response.writeHead(200)
    if (!isHuge) return response.end()
    const write = () => {
      while (!response.destroyed) {
        sentBytes += chunk.length
        if (!response.write(chunk)) return
      }
    }
    response.on('drain', write)
    write()
  })
  const destination = await webhook(t, receiver.url)
  await destination.send(notification, going)
  t.ok(sentBytes < 16 * 1024 ** 2, `the receiver could send ${sentBytes} bytes`)
  isHuge = false
  for (let nth = 0; nth < 20; nth++) await destination.send(notification, going)
  t.ok(receiver.connections.opened < 5, `connections are kept after short answers: ${receiver.connections.opened}`)
})

t.test('opens at most 16 connections, and the other notifications wait for one', async t => {
  const waiting: Array<() => void> = []
  const full = Promise.withResolvers<void>()
  const receiver = await startReceiver(t, response => {
    waiting.push(() => response.end())
    if (waiting.length === 16) full.resolve()
  })
  const destination = await webhook(t, receiver.url)
  const sent = Promise.all(Array.from({ length: 40 }, () => destination.send(notification, going)))
  await full.promise
  while (receiver.received.length < 40 || waiting.length > 0) {
    waiting.shift()?.()
    await new Promise(setImmediate)
  }
  await sent
  t.equal(receiver.connections.max, 16)
})

t.test('reports a receiver that refuses connections, dies, or does not speak HTTP', async t => {
  const refusing = await webhook(t, 'http://127.0.0.1:1/in-the-url')
  t.match(await failureOf(t, refusing), { failure: 'unreachable', message: /ECONNREFUSED/ })

  let isGreeting = false
  const server = createServer(socket => {
    socket.on('error', () => undefined)
    if (isGreeting) socket.end('SSH-2.0-in-the-answer\r\n')
    else socket.once('data', () => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' && address?.port}`
  t.match(await failureOf(t, await webhook(t, url)), { failure: 'unreachable' })
  isGreeting = true
  t.match(await failureOf(t, await webhook(t, url)), { failure: 'unreachable', message: /HTTPParserError/ })
})

t.test('sends once more if a receiver has closed a kept connection, and the id stays the same', async t => {
  let isFirst = true
  const receiver = await startReceiver(t, (response, request) => {
    if (!isFirst) return response.writeHead(204).end()
    isFirst = false
    return request.socket.destroy()
  })
  await (await webhook(t, receiver.url)).send(notification, going)
  t.strictSame(
    receiver.received.map(({ headers }) => headers['webhook-id']),
    [notification.id, notification.id],
  )
})

t.test('checks the certificate of a receiver', async t => {
  const own = selfSigned(t.testdir({}), 'DNS:receiver.example,IP:127.0.0.1')
  const receiver = await startReceiver(t, undefined, own)
  t.match(await failureOf(t, await webhook(t, receiver.url)), {
    failure: 'unreachable',
    message: /cannot be reached: DEPTH_ZERO_SELF_SIGNED_CERT/,
  })
  const before = tls.getCACertificates('default')
  tls.setDefaultCACertificates([...before, own.cert.toString()])
  t.teardown(() => tls.setDefaultCACertificates(before))
  await (await webhook(t, receiver.url)).send(notification, going)
  t.equal(receiver.received.length, 1, 'a certificate of a known authority is accepted')
  const wrongName = await webhook(t, `https://localhost:${receiver.port}`)
  t.match(await failureOf(t, wrongName), { failure: 'unreachable', message: /ERR_TLS_CERT_ALTNAME_INVALID/ })
  t.equal(receiver.received.length, 1)
})
