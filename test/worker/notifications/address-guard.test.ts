import { networkInterfaces } from 'node:os'
import t, { type Test } from 'tap'
import { isPublic } from '../../../services/worker/notifications/address-guard.ts'
import { DeliveryError } from '../../../services/worker/notifications/destination.ts'
import { createWebhook, type WebhookSettings } from '../../../services/worker/notifications/webhook.ts'
import { startNameServer } from './name-server.ts'
import { notification, SECRET, startReceiver } from './receiver.ts'

const going = new AbortController().signal

/** Sends a notification. Resolves to the error, or to undefined if the notification was accepted. */
async function sendTo(t: Test, url: string, settings: Partial<WebhookSettings> = {}) {
  const destination = await createWebhook({
    name: 'crm',
    url,
    secrets: async () => [SECRET],
    wants: () => true,
    allowAddresses: '',
    timeoutMs: 5_000,
    ...settings,
  })
  t.teardown(() => destination.close())
  return await destination.send(notification, going).then(
    () => undefined,
    (error: unknown) => error,
  )
}

async function isRefused(t: Test, url: string, settings: Partial<WebhookSettings> = {}): Promise<void> {
  const error = await sendTo(t, url, settings)
  t.ok(error instanceof DeliveryError && error.failure === 'address-not-allowed', `${url}: ${error}`)
}

t.test('knows the addresses of the internet from all others', async t => {
  const others = [
    ...['0.0.0.0', '0.1.2.3', '10.0.0.1', '100.64.0.1', '100.127.255.255', '127.0.0.1', '127.255.255.254'],
    ...['169.254.169.254', '169.254.170.2', '172.16.0.1', '172.31.255.255', '192.0.0.1', '192.0.2.1', '192.88.99.1'],
    ...['192.168.0.1', '198.18.0.1', '198.51.100.1', '203.0.113.1', '224.0.0.1', '239.255.255.255', '240.0.0.1'],
    ...['255.255.255.255', '::', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:169.254.169.254', '::127.0.0.1'],
    ...['::ffff:0:127.0.0.1', '64:ff9b::127.0.0.1', '64:ff9b::a9fe:a9fe', '64:ff9b:1::1', '100::1', '2001::1'],
    ...['2001:db8::1', '2002:7f00:1::', '3fff::1', 'fc00::1', 'fd00:ec2::254', 'fe80::1', 'fe80::1%eth0', 'fec0::1'],
    ...['ff02::1', '4000::1', 'e000::1'],
  ]
  t.strictSame(others.filter(isPublic), [])
  const internet = [
    '1.1.1.1',
    '8.8.8.8',
    '172.15.0.1',
    '172.32.0.1',
    '100.63.0.1',
    '2606:4700::1111',
    '64:ff9b::8.8.8.8',
  ]
  t.strictSame(internet.filter(isPublic), internet)
})

t.test('refuses an address in the URL in every notation', async t => {
  const receiver = await startReceiver(t)
  const hosts = [
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '0',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
  ]
  for (const host of [
    ...hosts,
    '[64:ff9b::7f00:1]',
    '169.254.169.254',
    '[fd00:ec2::254]',
    '%31%32%37.0.0.1',
    '127。0。0。1',
  ]) {
    await isRefused(t, `http://${host}:${receiver.port}/`)
    await isRefused(t, `https://${host}:${receiver.port}/`)
  }
  t.equal(receiver.connections.opened, 0)
})

t.test('refuses a name with a private address, by the resolver of the system too', async t => {
  const receiver = await startReceiver(t)
  await isRefused(t, `https://localhost:${receiver.port}/`)
  const { lookup } = await startNameServer(t, name => (name === 'mixed.test' ? ['1.1.1.1', '127.0.0.1'] : ['::1']))
  await isRefused(t, `https://mixed.test:${receiver.port}/`, { lookup })
  await isRefused(t, `https://six.test:${receiver.port}/`, { lookup })
  t.equal(receiver.connections.opened, 0)
})

t.test('refuses a name whose addresses change between the check and the connection', async t => {
  const receiver = await startReceiver(t)
  // The first answer is an allowed address. A second question would get the address of the receiver.
  const { lookup, queries } = await startNameServer(t, (_name, nth) => (nth === 1 ? ['127.0.0.9'] : ['127.0.0.1']))
  const allowAddresses = '127.0.0.9'
  const first = await sendTo(t, `http://rebinding.test:${receiver.port}/`, { lookup, allowAddresses })
  t.match(first, { failure: 'unreachable', message: /ECONNREFUSED/ }, 'connects to the address that was checked')
  t.equal(queries(), 1, 'the name is resolved once for a connection')
  await isRefused(t, `http://rebinding.test:${receiver.port}/`, { lookup, allowAddresses })
  t.equal(receiver.connections.opened, 0)
})

t.test('checks each new connection of a webhook again', async t => {
  const receiver = await startReceiver(t, response => response.writeHead(204, { connection: 'close' }).end())
  const { lookup } = await startNameServer(t, (_name, nth) => (nth === 1 ? ['127.0.0.1'] : ['127.0.0.2']))
  const url = `http://rebinding.test:${receiver.port}/`
  const settings = { name: 'crm', url, secrets: async () => [SECRET], wants: () => true, allowAddresses: '127.0.0.1' }
  const destination = await createWebhook({ ...settings, lookup })
  t.teardown(() => destination.close())
  await destination.send(notification, going)
  await t.rejects(destination.send(notification, going), { message: /127\.0\.0\.2 is not a public address/ })
  t.equal(receiver.received.length, 1)
})

t.test('reaches allowed addresses by plain http, also by a name and as an IPv6 address that maps them', async t => {
  const receiver = await startReceiver(t)
  const { lookup } = await startNameServer(t, () => ['127.0.0.1'])
  for (const allowAddresses of ['127.0.0.1', '10.0.0.0/8, 127.0.0.0/8', '0.0.0.0/0']) {
    t.equal(await sendTo(t, receiver.url, { allowAddresses }), undefined, allowAddresses)
  }
  t.equal(await sendTo(t, `http://in.test:${receiver.port}`, { lookup, allowAddresses: '127.0.0.1' }), undefined)
  t.equal(await sendTo(t, `http://[::ffff:127.0.0.1]:${receiver.port}`, { allowAddresses: '127.0.0.1' }), undefined)
  await isRefused(t, receiver.url, { allowAddresses: '127.0.0.2,127.1.0.0/16,::1' })
})

t.test('refuses plain http to a public address', async t => {
  const { lookup } = await startNameServer(t, () => ['1.1.1.1'])
  const error = await sendTo(t, 'http://public.test', { lookup, allowAddresses: '127.0.0.1' })
  t.match(error, { failure: 'address-not-allowed', message: /Plain http is allowed only to .* 1\.1\.1\.1/ })
})

t.test('refuses the addresses of this machine, whatever they are', async t => {
  const own = Object.values(networkInterfaces()).flatMap(all => all?.map(({ address }) => address) ?? [])
  const internal = own.filter(address => !isPublic(address))
  t.ok(internal.includes('127.0.0.1'))
  for (const address of internal) {
    if (!address.includes(':')) await isRefused(t, `http://${address}:1/`)
  }
})

t.test('resolves the name of a host once at a time, however many connections wait for it', async t => {
  const { lookup, queries } = await startNameServer(t, () => [])
  let calls = 0
  const answers: Array<() => void> = []
  const slow: WebhookSettings['lookup'] = (name, options, callback) => {
    calls++
    answers.push(() => lookup(name, options, callback))
  }
  const settings = { name: 'crm', url: 'https://slow.test', secrets: async () => [SECRET], wants: () => true }
  const destination = await createWebhook({ ...settings, allowAddresses: '', lookup: slow })
  t.teardown(() => destination.close())
  const sent = Promise.allSettled(Array.from({ length: 16 }, () => destination.send(notification, going)))
  while (calls === 0) await new Promise(setImmediate)
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
  t.equal(calls, 1)
  answers[0]?.()
  const results = await sent
  t.equal(queries(), 1)
  for (const result of results) {
    t.match(result, { status: 'rejected', reason: { failure: 'unreachable', message: /ENOTFOUND/ } })
  }
})
