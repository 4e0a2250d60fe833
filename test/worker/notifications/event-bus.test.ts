import { KinesisClient } from '@aws-sdk/client-kinesis'
import t, { type Test } from 'tap'
import { createAwsClients } from '../../../services/platform/aws.ts'
import { createAwsCall, eventBridge } from '../../../services/platform/direct/aws-call.ts'
import { createEventBus } from '../../../services/worker/notifications/event-bus.ts'
import { startAws } from '../../support/aws.ts'
import { startFaultProxy } from '../../support/fault-proxy.ts'
import { startSilent } from '../../support/silent.ts'
import { type Answer, notification, startReceiver } from './receiver.ts'

const going = new AbortController().signal
const credentials = { accessKeyId: 'a', secretAccessKey: 's' }

function busAt(t: Test, url: string, { timeoutMs = 15_000, eventBus = 'default' } = {}) {
  const endpoints = { s3: url, dynamodb: url, kinesis: url }
  const aws = createAwsClients({ region: 'us-east-1', credentials, endpoints })
  t.teardown(() => aws.destroy())
  const call = createAwsCall({
    config: aws.kinesis.config,
    service: eventBridge,
    region: 'us-east-1',
    env: { AWS_ENDPOINT_URL_EVENTBRIDGE: url },
  })
  return createEventBus({ name: 'bus', eventBus, call, wants: () => true, timeoutMs })
}

t.test('puts a notification on an event bus, with the message as its detail', async t => {
  const aws = await startAws(t)
  const proxy = await startFaultProxy(t, aws.env.AWS_ENDPOINT_URL_EVENTBRIDGE ?? '')
  const seen: Array<{ body: unknown; authorization: string | undefined }> = []
  proxy.inject(async exchange => {
    const body = await exchange.body()
    seen.push({ body: JSON.parse(body.toString()), authorization: exchange.request.headers.authorization })
    await exchange.relay(await exchange.forward(body))
  })
  await busAt(t, proxy.url).send(notification, going)
  t.match(seen, [
    {
      body: {
        Entries: [
          {
            Source: 'headgate',
            DetailType: 'upload.processed',
            Detail: JSON.stringify(notification),
            Time: Date.parse(notification.timestamp) / 1_000,
            EventBusName: 'default',
          },
        ],
      },
      authorization: /^AWS4-HMAC-SHA256 Credential=a\/\d{8}\/us-east-1\/events\/aws4_request, /,
    },
  ])
})

t.test('an event that EventBridge does not accept is refused, also if the answer has the status 200', async t => {
  const replies: Array<[number, object | string, RegExp]> = [
    [200, { FailedEntryCount: 1, Entries: [{ ErrorCode: 'ThrottlingException', ErrorMessage: 'x' }] }, /Throttling/],
    [200, {}, /no event id/],
    [400, { __type: 'com.amazonaws.events#ThrottlingException', message: 'Rate exceeded' }, /: ThrottlingException\.$/],
    [400, { __type: 'AccessDeniedException', Message: 'no' }, /: AccessDeniedException\.$/],
    [503, '<html>in-the-answer', /: HTTP 503\.$/],
  ]
  for (const [status, reply, message] of replies) {
    const answer: Answer = response =>
      response.writeHead(status).end(typeof reply === 'string' ? reply : JSON.stringify(reply))
    const server = await startReceiver(t, answer)
    const error = await busAt(t, server.url)
      .send(notification, going)
      .catch((cause: unknown) => cause)
    t.match(error, { code: 'HEADGATE_DELIVERY', failure: 'refused', message })
    t.equal(server.received.length, 1, 'the relay retries, not the request')
  }
  const garbled = await startReceiver(t, response => response.end('<html>in-the-answer'))
  const error = await busAt(t, garbled.url)
    .send(notification, going)
    .catch((cause: unknown) => cause)
  t.match(error, { failure: 'unreachable', message: /^(?!.*in-the-answer)/s })
})

t.test('an event bus that cannot be reached or does not answer is reported as such', async t => {
  const refusing = busAt(t, 'http://127.0.0.1:1')
  await t.rejects(refusing.send(notification, going), { name: 'DeliveryError', message: /ECONNREFUSED/ })
  const silent = busAt(t, await startSilent(t), { timeoutMs: 200 })
  await t.rejects(silent.send(notification, going), { name: 'DeliveryError', message: /in time/ })
  const stopping = new AbortController()
  const sent = busAt(t, await startSilent(t)).send(notification, stopping.signal)
  stopping.abort(new Error('shutdown'))
  await t.rejects(sent, { message: 'shutdown' })
})

t.test('the endpoint follows the region, and the variables of the SDK', async t => {
  const { config } = new KinesisClient({ region: 'us-east-1', credentials })
  const hosts: string[] = []
  const spy = { ...config, requestHandler: { ...config.requestHandler, handle: refuse } } as typeof config
  async function refuse(request: { hostname: string }): Promise<never> {
    hosts.push(request.hostname)
    throw new Error('not sent')
  }
  const cases: Array<[string, NodeJS.ProcessEnv]> = [
    ['eu-west-1', {}],
    ['cn-north-1', {}],
    ['us-gov-west-1', { AWS_USE_FIPS_ENDPOINT: 'true' }],
    ['eu-west-1', { AWS_ENDPOINT_URL: 'http://emulator:4566' }],
    ['eu-west-1', { AWS_ENDPOINT_URL: 'http://emulator:4566', AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' }],
  ]
  for (const [region, env] of cases) {
    await t.rejects(createAwsCall({ config: spy, service: eventBridge, region, env })('PutEvents', {}, going))
  }
  t.strictSame(hosts, [
    'events.eu-west-1.amazonaws.com',
    'events.cn-north-1.amazonaws.com.cn',
    'events-fips.us-gov-west-1.amazonaws.com',
    'emulator',
    'events.eu-west-1.amazonaws.com',
  ])
})
