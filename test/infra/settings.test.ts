import t from 'tap'
import { SettingsError } from '../../infra/settings/errors.ts'
import { readSettings } from '../../infra/settings/read.ts'
import { resourceNames } from '../../infra/settings/schema.ts'
import { names } from '../../services/platform/resources.ts'

/** Returns the faults that are found in a context. */
function faults(context: Record<string, unknown>): readonly string[] {
  try {
    readSettings(context)
  } catch (error) {
    if (error instanceof SettingsError) return error.faults
    throw error
  }
  return []
}

t.test('defaults to a small deployment that can be destroyed', async t => {
  t.match(readSettings({}), { preset: 'dev', name: 'headgate', compute: 'lambda', gateway: 'http', keepData: false })
  t.ok(Object.isFrozen(readSettings({})))
})

t.test('keeps data and survives the loss of an availability zone with preset=prod', async t => {
  const settings = readSettings({ preset: 'prod' })
  t.match(settings, { keepData: true, natGateways: 2, apiTasksMin: 2, workerTasksMin: 2 })
})

t.test('parses settings of the command line, which override those of the preset', async t => {
  const environment = '{"MAX_FORM_FILES":"3"}'
  t.match(readSettings({ preset: 'prod', shards: '8', keepData: 'false', apiEnvironment: environment }), {
    shards: 8,
    keepData: false,
    apiEnvironment: { MAX_FORM_FILES: '3' },
  })
})

t.test('ignores CDK’s own entries in the context', async t => {
  t.strictSame(faults({ 'aws:cdk:version-reporting': true, '@aws-cdk/aws-iam:minimizePolicies': true }), [])
})

t.test('names every invalid setting and every unknown one', async t => {
  const found = faults({ shard: '8', shards: '0', compute: 'ec2', apiEnvironment: 'no json', alarmEmail: 'nobody' })
  for (const name of ['shard:', 'shards:', 'compute:', 'apiEnvironment:', 'alarmEmail:']) {
    t.ok(
      found.some(fault => fault.startsWith(name)),
      `${name} is in ${found.join('; ')}`,
    )
  }
})

t.test('names all invalid settings, however many there are', async t => {
  const numbers = ['shards', 'retentionHours', 'expireUploadsDays', 'expireProcessedDays', 'noncurrentDays']
  const wrong = [...numbers, 'preset', 'name', 'compute', 'gateway', 'streamMode', 'mfa', 'keepData']
  const found = faults(Object.fromEntries(wrong.map(name => [name, '?'])))
  t.strictSame(new Set(found.map(fault => fault.split(':')[0])), new Set(wrong))
})

t.test('rejects settings that contradict each other', async t => {
  t.match(faults({ domainName: 'api.example.com' }), [/certificateArn/])
  t.match(faults({ userPoolDomain: 'sign-in' }), [/callbackUrls/])
  const pages = { userPoolDomain: 'sign-in', callbackUrls: 'https://a.example/, http://localhost:8000/, app://back' }
  t.strictSame(faults({ ...pages, logoutUrls: 'https://a.example/bye' }), [])
  t.match(faults({ logoutUrls: 'https://a.example/' }), [/^logoutUrls: it needs userPoolDomain/])
  t.match(faults({ ...pages, userPoolDomain: 'my-aws-app' }), [/^userPoolDomain: .*"aws"/])
  for (const url of ['/back', 'http://a.example/', 'http://127.0.0.1:8000/', 'https://a.example/#a']) {
    t.match(faults({ ...pages, callbackUrls: url }), [/^callbackUrls: /], url)
    t.match(faults({ ...pages, logoutUrls: url }), [/^logoutUrls: /], url)
  }
  t.match(faults({ encryptionKeyArn: 'arn:aws:kms:us-east-1:111111111111:key/1' }), [/encryption=customer/])
  t.match(faults({ existingKeyArns: 'alias/aws/s3' }), [/^existingKeyArns/])
  t.match(faults({ availabilityZones: 'us-east-1a' }), [/^availabilityZones/])
  t.match(faults({ compute: 'fargate', apiTasksMin: '5', apiTasksMax: '4' }), [/apiTasksMax/])
  const fargate = { compute: 'fargate' }
  t.match(faults({ ...fargate, workerTasksMax: '5', shards: '4' }), [/the 4 shards/])
  t.strictSame(faults({ ...fargate, workerTasksMax: '5', shards: '4', streamMode: 'on-demand' }), [])
  t.strictSame(faults({ shards: '1' }), [], 'Lambda has no tasks')
  const auto = { recordDistribution: 'auto' }
  t.match(faults(auto), [/^recordDistribution: auto needs streamMode=on-demand/])
  t.strictSame(faults({ ...auto, streamMode: 'on-demand' }), [])
  t.match(faults({ ...auto, streamMode: 'on-demand', existingStream: 'theirs' }), [
    /^recordDistribution: .* existing stream/,
  ])
  t.match(faults({ monthlyBudgetUsd: '100' }), [/alarmEmail/])
  const costMonitorArn = 'arn:aws:ce::111111111111:anomalymonitor/00000000-0000-0000-0000-000000000000'
  t.match(faults({ costMonitorArn }), [/costAnomalyUsd/])
  t.match(faults({ tracing: 'otlp' }), [/otlpEndpoint/])
  t.match(faults({ tracing: 'xray', otlpEndpoint: 'https://collector.example.com' }), [/otlpEndpoint/])
  const otlpHeadersSecretArn = 'arn:aws:secretsmanager:us-east-1:111111111111:secret:otlp-AbCdEf'
  t.match(faults({ otlpHeadersSecretArn }), [/tracing=otlp/])
  t.match(faults({ tracing: 'otlp', otlpEndpoint: 'https://key@collector.example.com' }), [/otlpEndpoint/])
})

t.test('rejects sizes of memory that Fargate does not offer for the CPU', async t => {
  const sized = (more: Record<string, string>) => faults({ compute: 'fargate', ...more })
  t.match(sized({ apiCpu: '2048' }), [/^apiMiB: 1024 is not available: .* 4096 to 16384 /])
  t.match(sized({ workerMiB: '1500' }), [/^workerMiB: .* in steps of 1024/])
  t.match(sized({ workerCpu: '256', workerMiB: '4096' }), [/^workerMiB: /])
  t.strictSame(sized({ apiCpu: '4096', apiMiB: '30720', workerCpu: '256', workerMiB: '2048' }), [])
  t.strictSame(sized({ preset: 'prod' }), [])
})

t.test('uses the default names of the code, and prefixes those of another deployment', async t => {
  t.match(resourceNames(readSettings({})), {
    stream: names.stream,
    uploadsTable: names.uploadsTable,
    application: names.application,
  })
  t.match(resourceNames(readSettings({ name: 'staging', existingLeaseTable: 'kcl-app' })), {
    stream: `staging-${names.stream}`,
    application: 'kcl-app',
    metrics: 'Headgate/staging',
  })
})
