import t, { type Test } from 'tap'
import { metrics } from '../../services/platform/metrics.ts'
import { names } from '../../services/platform/resources.ts'
import { signalOf } from '../../services/worker/metrics/scaling-signal.ts'
import { createEmittedCounts } from '../../services/worker/notifications/counts.ts'
import { createScanCounts } from '../../services/worker/scanning/counts.ts'
import { consumerDouble } from '../worker/consumer-double.ts'
import { startPipeline } from '../worker/pipeline.ts'
import { consume } from './scenarios/consuming.ts'
import { process, processFlat } from './scenarios/processing.ts'
import { relay } from './scenarios/relaying.ts'
import { serve } from './scenarios/serving.ts'
import { sweep } from './scenarios/sweeping.ts'
import { sweepOrphans } from './scenarios/sweeping-orphans.ts'
import { watch } from './scenarios/watching.ts'
import { type Call, KEY_ARN, REGION } from './support/calls.ts'
import { describe, permissionsOf, permissionsOfConsole, surprises } from './support/policies.ts'
import { type Recorder, startRecorder } from './support/recorder.ts'
import { resolverOf } from './support/resolve.ts'
import { synthesize } from './support/synthesize.ts'

// Synthesis comes first: it blocks the process for so long that servers would close idle connections.
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

/** Runs the scenario of a duty, and keeps the calls that it made. */
function duty(name: string, scenario: (t: Test, recorder: Recorder) => Promise<void>): void {
  t.test(`records the calls to AWS of ${name}`, async t => {
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
duty('sweeping orphans', (t, recorder) => sweepOrphans(t, pipeline, recorder))
duty('consuming', async (t, recorder) => {
  workerLog = await consume(t, pipeline, recorder)
})

// After consuming, which leaves a lease and a dead letter.
duty('watching', (t, recorder) => watch(t, pipeline, recorder))

/** Calls that Lambda makes in the name of the function that the stream is mapped to. */
const MAPPED =
  /^(?:kinesis:(?:DescribeStream|DescribeStreamSummary|GetRecords|GetShardIterator|ListShards)|sqs:SendMessage) /

const roles = [
  { of: lambda, role: 'Api', duties: ['serving'] },
  { of: lambda, role: 'Sweep', duties: ['sweeping'] },
  { of: lambda, role: 'Processor', duties: ['processing'] },
  { of: lambda, role: 'Relay', duties: ['relaying'] },
  { of: lambda, role: 'Orphans', duties: ['sweeping orphans'] },
  { of: fargate, role: 'Api', duties: ['serving', 'sweeping'] },
  { of: fargate, role: 'Worker', duties: ['processing', 'relaying', 'sweeping orphans', 'consuming'] },
]

for (const { of, role, duties } of roles) {
  t.test(`on ${of.settings.compute}, the role of ${role} allows the calls of its code, and no others`, async t => {
    const calls = duties.flatMap(name => seen[name] ?? [])
    t.ok(calls.length >= 5, `${calls.length} calls`)
    const { refused, unused } = surprises(permissionsOf(of, role, resolverOf(of)), calls)
    t.strictSame(refused, [], 'no call is denied')
    const isMapped = role === 'Processor'
    t.strictSame(
      unused.filter(permission => !(isMapped && MAPPED.test(permission))),
      [],
      'no permission is unused',
    )
  })
}

t.test('the policy of the console allows what its views read, and nothing else', async t => {
  const calls = seen.watching ?? []
  for (const deployment of [lambda, fargate]) {
    const { refused, unused } = surprises(permissionsOfConsole(deployment, resolverOf(deployment)), calls)
    t.strictSame(refused, [], 'no call is denied')
    t.strictSame(unused, [], 'no permission is unused')
  }
  const ofKey = surprises(permissionsOfConsole(encrypted.fargate, resolverOf(encrypted.fargate)), [
    ...calls,
    ...(seenKeyCalls.watching ?? []),
  ])
  t.strictSame(ofKey, { refused: [], unused: [] }, 'with encryption=customer')
})

/** Uses of the key by Lambda, which reads the stream and writes to the queue in the name of the function. */
const MAPPED_BY_KEY = /^kms:\w+ \S+ via (?:kinesis|sqs)\./

for (const { of, role, duties } of roles) {
  const { compute } = of.settings
  t.test(
    `on ${compute}, with encryption=customer, the role of ${role} allows the uses of the key that its calls need, and no others`,
    async t => {
      const calls = duties.flatMap(name => [...(seen[name] ?? []), ...(seenKeyCalls[name] ?? [])])
      const deployment = encrypted[compute]
      const { refused, unused } = surprises(permissionsOf(deployment, role, resolverOf(deployment)), calls)
      t.strictSame(refused, [], 'no call is denied')
      const expected = (permission: string) =>
        role === 'Processor' && (MAPPED.test(permission) || MAPPED_BY_KEY.test(permission))
      t.strictSame(
        unused.filter(permission => !expected(permission)),
        [],
        'no permission is unused',
      )
      const without = surprises(permissionsOf(of, role, resolverOf(of)), calls).refused
      t.ok(
        without.length > 0 && without.every(call => call.startsWith('kms:')),
        'with encryption=aws every use of a key is denied, and nothing else',
      )
    },
  )
}

t.test('lets Lambda read the stream and keep given-up batches in the name of the processor', async t => {
  const found = permissionsOf(lambda, 'Processor', resolverOf(lambda)).map(describe)
  const actions = found.filter(permission => MAPPED.test(permission)).map(permission => permission.split(' ')[0])
  // https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-create.html
  const kinesis = ['DescribeStream', 'DescribeStreamSummary', 'GetRecords', 'GetShardIterator', 'ListShards']
  t.strictSame(actions.sort(), [...kinesis.map(action => `kinesis:${action}`), 'sqs:SendMessage'])
})

t.test('lets Lambda use the key for the stream and the queue in the name of the processor', async t => {
  const { lambda: deployment } = encrypted
  const found = permissionsOf(deployment, 'Processor', resolverOf(deployment)).map(describe)
  const expected = ['kinesis Decrypt', 'sqs GenerateDataKey', 'sqs Decrypt'].map(it => it.split(' '))
  for (const [service, action] of expected) {
    t.ok(found.includes(`kms:${action} ${KEY_ARN} via ${service}.${REGION}.amazonaws.com`), `${action} by ${service}`)
  }
})

t.test('allows the additional calls of flat keys and other producers, only with those settings', async t => {
  const recorder = await startRecorder(t, aws)
  await processFlat(t, pipeline, recorder)
  for (const compute of ['lambda', 'fargate']) {
    const of = synthesize(t, { compute, flatKeys: 'true', otherProducers: 'true' })
    const role = compute === 'lambda' ? 'Processor' : 'Worker'
    t.strictSame(surprises(permissionsOf(of, role, resolverOf(of)), recorder.calls()).refused, [])
  }
  const narrow = surprises(permissionsOf(lambda, 'Processor', resolverOf(lambda)), recorder.calls()).refused
  t.match(narrow.join(), 'GetObject arn:aws:s3:::headgate-uploads/other/', 'denied without these settings')
  t.match(narrow.join(), 'PutObject arn:aws:s3:::headgate-processed/processed-other/')
})

t.test('grants no permission for every resource, or for every action of a service', async t => {
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

t.test('emits every metric from the worker, in CloudWatch’s embedded metric format', async t => {
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
  // The other metrics are emitted every minute, so they are read from the functions that collect them.
  const signal = signalOf(consumerDouble().metrics(), 0, { outboxMs: 0, notificationMs: 0, scanMs: 0 })
  const counted: string[] = []
  const counts = createEmittedCounts(values => counted.push(...Object.keys(values)))
  counts.sent('crm')
  counts.emit()
  const scans = createScanCounts(values => counted.push(...Object.keys(values)))
  scans.quarantined()
  scans.failed()
  scans.emit()
  t.strictSame(new Set(['DeadLetters', ...Object.keys(signal), ...counted]), new Set(Object.keys(metrics)))
})
