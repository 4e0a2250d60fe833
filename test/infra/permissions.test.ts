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
import type { Call } from './support/calls.ts'
import { permissionsOf, surprises } from './support/policies.ts'
import { type Recorder, startRecorder } from './support/recorder.ts'
import { resolverOf } from './support/resolve.ts'
import { synthesize } from './support/synthesize.ts'

const pipeline = await startPipeline(t)
const { aws } = pipeline
const lambda = synthesize(t, { compute: 'lambda' })
const fargate = synthesize(t, { compute: 'fargate' })
const seen: Record<string, Call[]> = {}
let workerLog = ''

/** Has a duty done, and keeps the calls that it took. */
function duty(name: string, scenario: (t: Test, recorder: Recorder) => Promise<void>): void {
  t.test(`what ${name} asks of AWS is recorded`, async t => {
    const recorder = await startRecorder(t, aws)
    await scenario(t, recorder)
    seen[name] = recorder.calls()
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
    for (const { action, resource } of permissionsOf(of, role, resolverOf(of))) {
      t.notMatch(action, /\*/)
      t.match(resource, /^arn:aws:[a-z0-9]+:.*[^*]$|^arn:aws:s3:::[^*]+\/\*$/)
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
