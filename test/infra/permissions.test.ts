import t, { type Test } from 'tap'
import { metrics } from '../../services/platform/metrics.ts'
import { names } from '../../services/platform/resources.ts'
import { signalOf } from '../../services/worker/metrics/scaling-signal.ts'
import { consumerDouble } from '../worker/consumer-double.ts'
import { startPipeline } from '../worker/pipeline.ts'
import { consume } from './scenarios/consuming.ts'
import { process, processFlat } from './scenarios/processing.ts'
import { relay } from './scenarios/relaying.ts'
import { serve } from './scenarios/serving.ts'
import { sweepStrays } from './scenarios/straying.ts'
import { sweep } from './scenarios/sweeping.ts'
import { type Call, KEY_ARN, REGION } from './support/calls.ts'
import { describe, permissionsOf, surprises } from './support/policies.ts'
import { type Recorder, startRecorder } from './support/recorder.ts'
import { resolverOf } from './support/resolve.ts'
import { synthesize } from './support/synthesize.ts'

// First: it holds the process up for so long that the servers give up on connections that are at rest.
const lambda = synthesize(t, { compute: 'lambda' })
const fargate = synthesize(t, { compute: 'fargate' })
const encrypted = {
  lambda: synthesize(t, { compute: 'lambda', encryption: 'customer' }),
  fargate: synthesize(t, { compute: 'fargate', encryption: 'customer' }),
}
const pipeline = await startPipeline(t)
const { aws } = pipeline
const seen: Record<string, Call[]> = {}
const seenKeyCalls: Record<string, Call[]> = {}
let workerLog = ''

/** Has a duty done, and keeps the calls that it took. */
function duty(name: string, scenario: (t: Test, recorder: Recorder) => Promise<void>): void {
  t.test(`what ${name} asks of AWS is recorded`, async t => {
    const recorder = await startRecorder(t, aws)
    await scenario(t, recorder)
    seen[name] = recorder.calls()
    seenKeyCalls[name] = recorder.keyCalls()
  })
}

duty('serving', (t, recorder) => serve(t, aws, recorder))
duty('sweeping', (t, recorder) => sweep(t, aws, recorder))
duty('processing', (t, recorder) => process(t, pipeline, recorder))
duty('relaying', (t, recorder) => relay(t, pipeline, recorder))
duty('straying', (t, recorder) => sweepStrays(t, pipeline, recorder))
duty('consuming', async (t, recorder) => {
  workerLog = await consume(t, pipeline, recorder)
})

/** What Lambda calls in the name of the function that a stream is mapped to. No code of ours does. */
const MAPPED =
  /^(?:kinesis:(?:DescribeStream|DescribeStreamSummary|GetRecords|GetShardIterator|ListShards)|sqs:SendMessage) /

const roles = [
  { of: lambda, role: 'Api', duties: ['serving'] },
  { of: lambda, role: 'Sweep', duties: ['sweeping'] },
  { of: lambda, role: 'Processor', duties: ['processing'] },
  { of: lambda, role: 'Relay', duties: ['relaying'] },
  { of: lambda, role: 'Strays', duties: ['straying'] },
  { of: fargate, role: 'Api', duties: ['serving', 'sweeping'] },
  { of: fargate, role: 'Worker', duties: ['processing', 'relaying', 'straying', 'consuming'] },
]

for (const { of, role, duties } of roles) {
  t.test(`on ${of.settings.compute}, the role of ${role} allows what its code does, and nothing else`, async t => {
    const calls = duties.flatMap(name => seen[name] ?? [])
    t.ok(calls.length >= 5, `${calls.length} calls`)
    const { refused, unused } = surprises(permissionsOf(of, role, resolverOf(of)), calls)
    t.strictSame(refused, [], 'no call is refused')
    const isMapped = role === 'Processor'
    t.strictSame(
      unused.filter(permission => !(isMapped && MAPPED.test(permission))),
      [],
      'nothing is allowed that is not used',
    )
  })
}

/** What Lambda needs of the key to read the stream and to report to the queue in the name of the function. */
const MAPPED_BY_KEY = /^kms:\w+ \S+ via (?:kinesis|sqs)\./

for (const { of, role, duties } of roles) {
  const { compute } = of.settings
  t.test(`on ${compute}, with encryption=customer, the role of ${role} may use the key as its calls need`, async t => {
    const calls = duties.flatMap(name => [...(seen[name] ?? []), ...(seenKeyCalls[name] ?? [])])
    const deployment = encrypted[compute]
    const { refused, unused } = surprises(permissionsOf(deployment, role, resolverOf(deployment)), calls)
    t.strictSame(refused, [], 'no call is denied')
    const expected = (permission: string) =>
      role === 'Processor' && (MAPPED.test(permission) || MAPPED_BY_KEY.test(permission))
    t.strictSame(
      unused.filter(permission => !expected(permission)),
      [],
      'nothing is allowed that no call needs',
    )
    const without = surprises(permissionsOf(of, role, resolverOf(of)), calls).refused
    t.ok(without.length > 0 && without.every(call => call.startsWith('kms:')), 'with encryption=aws no use is allowed')
  })
}

t.test('what Lambda does in the name of the processor may use the key', async t => {
  const { lambda: deployment } = encrypted
  const found = permissionsOf(deployment, 'Processor', resolverOf(deployment)).map(describe)
  const expected = ['kinesis Decrypt', 'sqs GenerateDataKey', 'sqs Decrypt'].map(it => it.split(' '))
  for (const [service, action] of expected) {
    t.ok(found.includes(`kms:${action} ${KEY_ARN} via ${service}.${REGION}.amazonaws.com`), `${action} by ${service}`)
  }
})

t.test('with flat keys and other producers, what their uploads take besides is allowed', async t => {
  const recorder = await startRecorder(t, aws)
  await processFlat(t, pipeline, recorder)
  for (const compute of ['lambda', 'fargate']) {
    const of = synthesize(t, { compute, flatKeys: 'true', otherProducers: 'true' })
    const role = compute === 'lambda' ? 'Processor' : 'Worker'
    t.strictSame(surprises(permissionsOf(of, role, resolverOf(of)), recorder.calls()).refused, [])
  }
  const narrow = surprises(permissionsOf(lambda, 'Processor', resolverOf(lambda)), recorder.calls()).refused
  t.match(narrow.join(), 'GetObject arn:aws:s3:::headgate-uploads/other/', 'and not without these settings')
  t.match(narrow.join(), 'GetObject arn:aws:s3:::headgate-processed/processed/')
})

t.test('no permission is for every resource, or for every action of a service', async t => {
  for (const { of, role } of roles) {
    for (const deployment of [of, encrypted[of.settings.compute]]) {
      for (const { action, resource, via } of permissionsOf(deployment, role, resolverOf(deployment))) {
        t.notMatch(action, /\*/)
        t.match(resource, /^arn:aws:[a-z0-9]+:.*[^*]$|^arn:aws:s3:::[^*]+\/\*$/)
        t.equal(action.startsWith('kms:'), via !== undefined, `${action} is for calls through a service`)
      }
    }
  }
})

t.test('every metric that there is comes out of the worker, in lines that CloudWatch understands', async t => {
  const lines = workerLog.split('\n').filter(line => line.includes('"_aws"'))
  t.match(
    lines.map(line => JSON.parse(line)),
    [
      {
        _aws: { CloudWatchMetrics: [{ Namespace: 'Headgate/headgate', Dimensions: [['Application']] }] },
        Application: names.application,
        DeadLetters: 1,
      },
    ],
  )
  // The others come by the minute: those that are told are looked at where they are made.
  const signal = signalOf(consumerDouble().metrics(), 0, 0)
  t.strictSame(new Set(['DeadLetters', ...Object.keys(signal)]), new Set(Object.keys(metrics)))
})
