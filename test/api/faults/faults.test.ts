import t, { type Test } from 'tap'
import { startAws } from '../../support/aws.ts'
import type { Fault, Injection } from '../../support/fault-proxy.ts'
import { type AwsService, internalError, throttled } from '../../support/faults/aws-errors.ts'
import { delay, keepReply, loseReply, reset } from '../../support/faults/faults.ts'
import { buildTestApi, createTestUser } from '../support.ts'
import { createAftermath } from './aftermath.ts'
import { describeStep, injectAt, type Proxies, type Step, services, startProxies, stepsSeen } from './steps.ts'
import { methods, methodsEnv, type UploadMethod } from './upload-methods.ts'

// Every fault at every step takes from one to ten minutes for each method: HEADGATE_FAULTS=all, the name of a method, or one and a fault,
// as in `HEADGATE_FAULTS='tus: a lost reply'`.
const long = process.env.HEADGATE_FAULTS
const [longMethod = '', longFault] = (long ?? '').split(': ')

const faults: Record<string, (service: AwsService) => Fault> = {
  throttling: throttled,
  'an internal error': internalError,
  'a reset': () => reset,
  'a lost reply': () => loseReply,
  latency: () => delay(400),
  'a reply that never comes': () => keepReply,
}

/** Which requests fail: that request, all later requests of its kind, or all later requests to any service. */
const extents = ['once', 'for good', 'everywhere'] as const

interface Case {
  method: string
  step: Step
  fault: string
  extent: (typeof extents)[number]
}

/** Without HEADGATE_FAULTS, two faults are injected at every step of one method, and one fault at every step of another. */
function isTried({ method, fault, extent }: Case): boolean {
  if (long !== undefined) return long === 'all' || (longMethod === method && (longFault ?? fault) === fault)
  if (fault === 'a reply that never comes') return method === 'json' && extent === 'for good'
  if (method === 'json') return fault === 'a lost reply' || (fault === 'an internal error' && extent !== 'once')
  return method === 'raw' && fault === 'a reset' && extent === 'everywhere'
}

const aws = await startAws(t)
const aftermath = createAftermath(aws)
if (longFault !== undefined && !(longFault in faults)) {
  throw new Error(`There is no fault "${longFault}": ${Object.keys(faults).join(', ')}`)
}
if (long !== undefined && long !== 'all' && !(longMethod in methods)) {
  throw new Error(`There is no method "${longMethod}": ${Object.keys(methods).join(', ')}`)
}
const verify: Array<(t: Test) => Promise<void>> = []

function inject(proxies: Proxies, { step, fault, extent }: Case): Injection {
  const faultOf = faults[fault] ?? (() => reset)
  const first = faultOf(step.service)
  const spread: Fault = exchange => {
    for (const service of services) proxies[service].inject(faultOf(service))
    return first(exchange)
  }
  if (extent === 'everywhere') return injectAt(proxies, step, spread, 1)
  return injectAt(proxies, step, first, extent === 'once' ? 1 : undefined)
}

/** Makes an upload by a method, with a fault or without. */
async function run(method: UploadMethod, wrong?: Case) {
  const proxies = await startProxies(aws)
  const ends: Array<() => unknown> = []
  const endpoints = { s3: proxies.s3.url, dynamodb: proxies.dynamodb.url, kinesis: proxies.kinesis.url }
  // The test clients have no deadline, so a response that never arrives needs the clients of production.
  const ownClients = wrong?.fault === 'a reply that never comes'
  const deadline = ownClients && { ANSWER_TIMEOUT_MS: '1500' }
  // The run without a fault finds the steps. It waits longer for Kinesis, so that a busy machine does not add steps of an outage.
  const env = { ...methodsEnv(aws.endpoints.s3), EVENT_PUT_TIMEOUT_MS: wrong ? '600' : '20000', ...deadline }
  const api = await buildTestApi({ teardown: end => void ends.push(end) }, aws, { endpoints, env, ownClients })
  const user = await createTestUser(aws)
  const injected = wrong && inject(proxies, wrong)
  const attempt = await method(api, user)
  for (const end of ends) await end()
  const steps = stepsSeen(proxies)
  await proxies.close()
  return { user, attempt, steps, hits: injected?.hits ?? 0 }
}

t.before(() => aftermath.begin())

// The tests mostly wait, so they run concurrently. The next test needs the results of all of them.
t.test('every upload method with a fault at each step', { jobs: 2 }, async t => {
  for (const [name, method] of Object.entries(methods)) {
    if (long !== undefined && long !== 'all' && longMethod !== name) continue
    t.test(`${name}: after a fault at any step the client knows the result`, { buffered: true }, async t => {
      const whole = await run(method)
      t.equal(whole.attempt.outcome, 'accepted', whole.attempt.answer)
      const cases = whole.steps.flatMap(step =>
        Object.keys(faults).flatMap(fault => extents.map((extent): Case => ({ method: name, step, fault, extent }))),
      )
      for (const one of cases.filter(isTried)) {
        const what = `${name}, ${one.fault} ${one.extent} at ${describeStep(one.step)}`
        const { user, attempt, hits } = await run(method, one)
        t.ok(hits > 0, `${what}: it was met`)
        if (one.extent === 'once')
          t.equal(attempt.outcome, 'accepted', `${what}: nobody is refused (${attempt.answer})`)
        verify.push(t => aftermath.verify(t, what, user, attempt))
      }
    })
  }
})

t.test('accepted uploads are processed, and rejected uploads leave nothing', async t => {
  await aftermath.settle()
  for (const one of verify) await one(t)
})
