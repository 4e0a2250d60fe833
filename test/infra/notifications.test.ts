import t from 'tap'
import { readSettings } from '../../infra/settings/read.ts'
import { createAwsClients } from '../../services/platform/aws.ts'
import { createDestinations } from '../../services/worker/notifications/destinations.ts'
import { startAws } from '../support/aws.ts'
import { startFaultProxy } from '../support/fault-proxy.ts'
import { startSecretsManager } from '../support/otlp/secrets-manager.ts'
import { createMemoryLog } from '../worker/memory-log.ts'
import { notification, SECRET, startReceiver } from '../worker/notifications/receiver.ts'
import { type Permission, permissionsOf } from './support/policies.ts'
import { resolverOf } from './support/resolve.ts'
import { propertiesOf, type Synthesized, synthesize } from './support/synthesize.ts'

const ARN = 'arn:aws:secretsmanager:us-east-1:000000000000:secret:crm-AbCdEf'
const notifications = JSON.stringify([
  { name: 'crm', webhook: 'https://crm.example/hooks', secrets: [ARN] },
  { name: 'bus', eventBus: 'default', events: ['upload.failed'] },
])
const computes = [
  { compute: 'lambda', senders: ['Processor', 'Relay'], relay: 'Relay', others: ['Api', 'Sweep', 'Orphans'] },
  { compute: 'fargate', senders: ['Worker'], relay: 'Worker', others: ['Api'] },
].map(it => ({
  ...it,
  on: synthesize(t, { compute: it.compute, notifications }),
  off: synthesize(t, { compute: it.compute }),
}))

const describe = ({ action, resource }: Permission) => `${action} ${resource}`

/** Returns the permissions of a role that it has only with notifications. */
function added(role: string, off: Synthesized, on: Synthesized): string[] {
  const known = new Set(permissionsOf(off, role, resolverOf(off)).map(describe))
  const found = permissionsOf(on, role, resolverOf(on)).map(describe)
  return found.filter(permission => !known.has(permission)).sort()
}

t.test('the roles that send notifications may make the calls of the destinations, and no others', async t => {
  const aws = await startAws(t)
  const calls: string[] = []
  const proxy = await startFaultProxy(t, aws.env.AWS_ENDPOINT_URL_EVENTBRIDGE ?? '')
  proxy.inject(async exchange => {
    const body = await exchange.body()
    const [{ EventBusName }] = JSON.parse(body.toString()).Entries
    const action = String(exchange.request.headers['x-amz-target']).replace('AWSEvents.', 'events:')
    calls.push(`${action} arn:aws:events:us-east-1:000000000000:event-bus/${EventBusName}`)
    await exchange.relay(await exchange.forward(body))
  })
  const manager = await startSecretsManager(t, { [ARN]: SECRET })
  const receiver = await startReceiver(t)
  const credentials = { accessKeyId: 'a', secretAccessKey: 's' }
  const { s3, dynamodb, kinesis } = aws.endpoints
  const clients = createAwsClients({ region: 'us-east-1', credentials, endpoints: { s3, dynamodb, kinesis } })
  t.teardown(() => clients.destroy())
  const [crm, bus] = await createDestinations({
    config: {
      AWS_REGION: 'us-east-1',
      NOTIFICATIONS_ALLOW_ADDRESSES: '127.0.0.1',
      NOTIFICATIONS: notifications.replace('https://crm.example', receiver.url),
    },
    env: { AWS_ENDPOINT_URL_EVENTBRIDGE: proxy.url, AWS_ENDPOINT_URL_SECRETS_MANAGER: manager.url },
    awsConfig: clients.kinesis.config,
    log: createMemoryLog().log,
  })
  const going = new AbortController().signal
  await crm?.send(notification, going)
  await bus?.send(notification, going)
  crm?.close()
  t.equal(receiver.received.length, 1)
  const expected = [...calls, ...manager.calls.map(({ action, resource }) => `${action} ${resource}`)].sort()
  t.equal(expected.length, 2)
  for (const { senders, relay, others, off, on } of computes) {
    for (const role of senders) {
      const isDestinations = (permission: string) => /^(?:events|secretsmanager):/.test(permission)
      const [ofDestinations, further] = [true, false].map(is =>
        added(role, off, on).filter(permission => isDestinations(permission) === is),
      )
      t.strictSame(ofDestinations, expected, role)
      const ofRelay = [
        /^dynamodb:Query .*\/index\/notifications$/,
        /^s3:PutObject .*\/dead-letters\/notifications\/\*$/,
      ]
      t.match(further, role === relay ? ofRelay : [], role)
      t.equal(further?.length, role === relay ? ofRelay.length : 0, role)
    }
    for (const role of others) t.strictSame(added(role, off, on), [], role)
    const sending = JSON.stringify(on.compute).split('"NOTIFICATIONS"').length - 1
    t.equal(sending, senders.length, 'only these processes have the variable')
    t.notMatch(JSON.stringify(off.compute), 'NOTIFICATIONS')
  }
})

t.test('rejects destinations that a deployment cannot serve, and never shows a secret', async t => {
  const faults = (compute: string, destinations: unknown, more = {}) => {
    try {
      readSettings({ compute, notifications: JSON.stringify(destinations), ...more })
    } catch (error) {
      return String(error)
    }
    return ''
  }
  const hook = { name: 'crm', webhook: 'https://crm.example:8443', secrets: [SECRET] }
  const all = faults('fargate', [hook])
  t.match(all, 'the secrets of "crm" must be full ARNs')
  t.match(all, 'the webhook of "crm" must have port 443')
  t.notMatch(all, SECRET)
  t.match(
    faults(
      'lambda',
      Array.from({ length: 40 }, () => ({ ...hook, secrets: [ARN] })),
    ),
    'at most 2500 bytes',
  )
  t.equal(faults('lambda', [{ ...hook, secrets: [ARN] }]), '')
  const plain = [{ ...hook, webhook: 'http://crm.internal', secrets: [ARN] }]
  t.match(faults('lambda', plain), 'the webhook of "crm" must begin with https')
  t.equal(faults('lambda', plain, { notificationsAllowAddresses: '10.0.0.0/8' }), '')
})

t.test('deployments with destinations have alarms for late and lost notifications', async t => {
  for (const { compute, on, off } of computes) {
    const alarms = ({ compute: stack }: Synthesized) =>
      Object.fromEntries(
        propertiesOf(stack, 'AWS::CloudWatch::Alarm').map(alarm => [String(alarm.AlarmName).split('-')[2], alarm]),
      )
    t.match(
      alarms(on).NotificationDeadLetters,
      { Statistic: 'Sum', Threshold: 0, TreatMissingData: 'notBreaching' },
      compute,
    )
    t.match(
      alarms(on).NotificationAge,
      { Statistic: 'Maximum', Threshold: 600, TreatMissingData: 'breaching' },
      compute,
    )
    const added = Object.keys(alarms(on)).filter(name => !(name in alarms(off)))
    t.strictSame(added.sort(), ['NotificationAge', 'NotificationDeadLetters'], compute)
  }
})
