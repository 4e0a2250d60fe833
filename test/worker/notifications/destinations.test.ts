import { Webhook } from 'standardwebhooks'
import t, { type Test } from 'tap'
import { createAwsClients } from '../../../services/platform/aws.ts'
import { createAwsCall, secretsManager } from '../../../services/platform/direct/aws-call.ts'
import { createDestinations, type DestinationsSettings } from '../../../services/worker/notifications/destinations.ts'
import { createSecrets } from '../../../services/worker/notifications/secrets.ts'
import { startSecretsManager } from '../../support/otlp/secrets-manager.ts'
import { createMemoryLog } from '../memory-log.ts'
import { NEXT_SECRET, notification, SECRET, startReceiver } from './receiver.ts'

const going = new AbortController().signal
const ARN = 'arn:aws:secretsmanager:eu-west-1:111111111111:secret:crm-AbCdEf'

function awsConfig(t: Test) {
  const nowhere = 'http://127.0.0.1:1'
  const endpoints = { s3: nowhere, dynamodb: nowhere, kinesis: nowhere }
  const credentials = { accessKeyId: 'a', secretAccessKey: 's' }
  const aws = createAwsClients({ region: 'us-east-1', credentials, endpoints })
  t.teardown(() => aws.destroy())
  return aws.kinesis.config
}

async function destinations(t: Test, config: Partial<DestinationsSettings['config']>, env: NodeJS.ProcessEnv = {}) {
  const { log, lines } = createMemoryLog()
  const created = await createDestinations({
    config: { AWS_REGION: 'us-east-1', NOTIFICATIONS_ALLOW_ADDRESSES: '127.0.0.1', ...config },
    env,
    awsConfig: awsConfig(t),
    log,
  })
  t.teardown(() => {
    for (const destination of created) destination.close()
  })
  return { created, lines }
}

t.test('refuses at the start each webhook that no connection could reach', async t => {
  const faultsOf = async (webhook: string, NOTIFICATIONS_ALLOW_ADDRESSES: string) => {
    const NOTIFICATIONS = JSON.stringify([{ name: 'crm', webhook, secrets: [SECRET] }])
    const shorthand = { WEBHOOK_URL: webhook, WEBHOOK_SECRET: SECRET }
    const creating = destinations(t, { NOTIFICATIONS, NOTIFICATIONS_ALLOW_ADDRESSES, ...shorthand })
    return await creating.then(
      () => '',
      (error: Error) => error.message,
    )
  }
  for (const [url, allow, problem] of [
    ['http://crm.example.com/in-the-url', '', /must begin with https/],
    ['http://93.184.215.14/in-the-url', '10.0.0.0/8', /must begin with https/],
    ['https://10.1.2.3/in-the-url', '', /not public/],
    ['http://127.0.0.1:4000/in-the-url', '10.0.0.0/8', /not public/],
    ['https://[::1]/in-the-url', '127.0.0.1', /not public/],
    ['https://[::ffff:169.254.169.254]/in-the-url', '', /not public/],
  ] as const) {
    const message = await faultsOf(url, allow)
    t.match(message, problem, url)
    t.match(message, /WEBHOOK_URL: [\s\S]*NOTIFICATIONS: destination "crm": "webhook"/, 'both are named')
    t.notMatch(message, 'in-the-url')
  }
  for (const [url, allow] of [
    ['https://crm.example.com', ''],
    ['http://receiver.internal', '10.0.0.0/8'],
    ['http://10.1.2.3', '10.0.0.0/8'],
    ['http://[fd00::1]:4000', 'fd00::/8'],
    ['https://93.184.215.14', ''],
  ] as const) {
    t.equal(await faultsOf(url, allow), '', url)
  }
})

t.test('creates the destinations of NOTIFICATIONS and WEBHOOK_URL, and none without both', async t => {
  t.strictSame((await destinations(t, {})).created, [])
  const receiver = await startReceiver(t)
  const { created } = await destinations(
    t,
    {
      WEBHOOK_URL: receiver.url,
      WEBHOOK_SECRET: `${NEXT_SECRET} ${SECRET}`,
      NOTIFICATIONS: JSON.stringify([
        { name: 'crm', webhook: receiver.url, secrets: ['$CRM_SECRET'], events: ['upload.failed'] },
        { name: 'bus', eventBus: 'default' },
      ]),
    },
    { CRM_SECRET: SECRET },
  )
  t.strictSame(
    created.map(({ name }) => name),
    ['webhook', 'crm', 'bus'],
  )
  const subject = { type: 'upload.processed', owner: 'o', mediaType: 'text/plain', transform: 'copy' } as const
  t.strictSame(
    created.map(destination => destination.wants(subject)),
    [true, false, true],
  )
  for (const destination of created.slice(0, 2)) await destination.send(notification, going)
  const [first, second] = receiver.received
  for (const secret of [SECRET, NEXT_SECRET]) new Webhook(secret).verify(first?.body ?? '', first?.headers ?? {})
  new Webhook(SECRET).verify(second?.body ?? '', second?.headers ?? {})
})

t.test('a webhook without a secret is an error of the configuration', async t => {
  const { AWS_REGION, NOTIFICATIONS_ALLOW_ADDRESSES } = { AWS_REGION: 'us-east-1', NOTIFICATIONS_ALLOW_ADDRESSES: '' }
  const config = { AWS_REGION, NOTIFICATIONS_ALLOW_ADDRESSES, WEBHOOK_URL: 'https://crm.example/in-the-url' }
  const { log } = createMemoryLog()
  await t.rejects(createDestinations({ config, env: {}, awsConfig: awsConfig(t), log }), {
    name: 'ConfigurationError',
    message: /WEBHOOK_SECRET: is required with WEBHOOK_URL(?!.*in-the-url)/,
  })
})

t.test('signs with a secret of Secrets Manager, which is read at the start', async t => {
  const manager = await startSecretsManager(t, { [ARN]: `${SECRET}\n` })
  const receiver = await startReceiver(t)
  const NOTIFICATIONS = JSON.stringify([{ name: 'crm', webhook: receiver.url, secrets: [ARN] }])
  const { created, lines } = await destinations(t, { NOTIFICATIONS }, { AWS_ENDPOINT_URL_SECRETS_MANAGER: manager.url })
  await created[0]?.send(notification, going)
  await created[0]?.send(notification, going)
  for (const { body, headers } of receiver.received) new Webhook(SECRET).verify(body, headers)
  t.strictSame(manager.calls, [{ action: 'secretsmanager:GetSecretValue', resource: ARN }], 'one read is enough')
  t.strictSame(lines, [])
})

t.test('takes a rotated secret over after ten minutes, and keeps the earlier one if it cannot be read', async t => {
  const values: Record<string, string> = { [ARN]: SECRET }
  const manager = await startSecretsManager(t, values)
  const { log, lines } = createMemoryLog()
  const config = awsConfig(t)
  let now = 0
  let url = manager.url
  const secrets = createSecrets({
    name: 'crm',
    sources: [{ arn: ARN }, { secrets: [NEXT_SECRET] }],
    callIn: region =>
      createAwsCall({ config, service: secretsManager, region, env: { AWS_ENDPOINT_URL_SECRETS_MANAGER: url } }),
    log,
    now: () => now,
  })
  t.strictSame(await Promise.all([secrets(), secrets()]), [
    [SECRET, NEXT_SECRET],
    [SECRET, NEXT_SECRET],
  ])
  t.equal(manager.calls.length, 1, 'concurrent notifications share a read')
  const rotated = `whsec_${Buffer.alloc(24, 'r').toString('base64')}`
  values[ARN] = `${rotated} ${SECRET}`
  now = 10 * 60_000 - 1
  t.strictSame(await secrets(), [SECRET, NEXT_SECRET])
  now = 10 * 60_000
  t.strictSame(await secrets(), [rotated, SECRET, NEXT_SECRET])

  url = 'http://127.0.0.1:1'
  now += 10 * 60_000
  t.strictSame(await secrets(), [rotated, SECRET, NEXT_SECRET])
  t.match(lines, [{ level: 'warn', destination: 'crm', why: 'ECONNREFUSED' }])
  t.strictSame(await secrets(), [rotated, SECRET, NEXT_SECRET])
  t.equal(lines.length, 1, 'the next read is a minute later')
  url = manager.url
  values[ARN] = 'whsec_in-the-value'
  now += 60_000
  t.strictSame(await secrets(), [rotated, SECRET, NEXT_SECRET])
  t.match(lines[1], { why: new RegExp(`^the value of ${ARN} must be a secret`) })
  t.notMatch(JSON.stringify(lines), /in-the-value/)
})

t.test('without its secrets a webhook is not sent, and the next notification reads them again', async t => {
  const values: Record<string, string> = {}
  const manager = await startSecretsManager(t, values)
  const receiver = await startReceiver(t)
  const NOTIFICATIONS = JSON.stringify([{ name: 'crm', webhook: receiver.url, secrets: [ARN] }])
  const { created, lines } = await destinations(t, { NOTIFICATIONS }, { AWS_ENDPOINT_URL_SECRETS_MANAGER: manager.url })
  await t.rejects(created[0]?.send(notification, going) ?? Promise.resolve(), {
    name: 'DeliveryError',
    message: /secrets of the webhook "crm" could not be read: ResourceNotFoundException/,
  })
  t.equal(receiver.received.length, 0)
  t.ok(lines.length > 0 && lines.every(({ why }) => String(why).startsWith('ResourceNotFoundException')))
  values[ARN] = SECRET
  await created[0]?.send(notification, going)
  t.equal(receiver.received.length, 1)
})
