import { DeleteObjectCommand, PutObjectTaggingCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import { readSettings } from '../../infra/settings/read.ts'
import { names, SCAN_STATUS_TAG } from '../../services/platform/resources.ts'
import { createPutRecords } from '../../services/uploads/events/put-records.ts'
import { createParkedScanStore } from '../../services/uploads/records/parked-scan-store.ts'
import { createQuarantineStore } from '../../services/uploads/records/quarantine-store.ts'
import type { UploadRecord } from '../../services/uploads/records/record.ts'
import { createUploadStore } from '../../services/uploads/records/store.ts'
import { createGuardDuty } from '../../services/worker/scanning/guardduty.ts'
import { createScanRelay } from '../../services/worker/scanning/relay.ts'
import { going, startPipeline, streamRecord } from '../worker/pipeline.ts'
import { describe, permissionsOf, surprises } from './support/policies.ts'
import { startRecorder } from './support/recorder.ts'
import { resolverOf } from './support/resolve.ts'
import { ofType, propertiesOf, type Synthesized, synthesize } from './support/synthesize.ts'

// Synthesis comes first: it blocks the process for so long that servers would close idle connections.
const guardduty = {
  lambda: synthesize(t, { compute: 'lambda', scanner: 'guardduty' }, { validate: true }),
  fargate: synthesize(t, { compute: 'fargate', scanner: 'guardduty', encryption: 'customer' }),
}
const clamd = synthesize(t, { compute: 'fargate', scanner: 'clamd', clamdUrl: 'tcp://clamd.internal:3310' })
const off = { lambda: synthesize(t, { compute: 'lambda' }), fargate: synthesize(t, { compute: 'fargate' }) }

t.test('the roles that scan by tags may make the calls of their code, and no others', async t => {
  const pipeline = await startPipeline(t)
  const { s3 } = pipeline.aws
  const gate = await startRecorder(t, pipeline.aws)
  const relays = await startRecorder(t, pipeline.aws)
  const table = names.uploadsTable
  const tag = ({ bucket, key }: UploadRecord, Value: string) =>
    s3.send(
      new PutObjectTaggingCommand({ Bucket: bucket, Key: key, Tagging: { TagSet: [{ Key: SCAN_STATUS_TAG, Value }] } }),
    )
  const { dynamodb } = gate.clients
  const processor = pipeline.processor({
    s3: gate.clients.s3,
    store: createUploadStore({ dynamodb, table }),
    giveUpAfterMs: 3_600_000,
    markProcessingAfterMs: 0,
    scanning: {
      scanner: createGuardDuty(gate.clients.s3),
      quarantine: createQuarantineStore({ dynamodb, table }),
      parked: createParkedScanStore({ dynamodb, table }),
      counts: { quarantined: () => undefined, failed: () => undefined },
    },
  })
  const [clean, infected, parked, gone, old] = await Promise.all(
    Array.from({ length: 5 }, () => pipeline.upload('hello')),
  )
  if (!clean || !infected || !parked || !gone || !old) throw new Error('There are five uploads.')
  await tag(clean, 'NO_THREATS_FOUND')
  await tag(infected, 'THREATS_FOUND')
  for (const upload of [clean, infected, parked, gone]) await processor.process(streamRecord(upload), going)
  await processor.process({ ...streamRecord(old), arrivedAt: new Date(Date.now() - 7_200_000) }, going)
  await s3.send(new DeleteObjectCommand({ Bucket: gone.bucket, Key: gone.key }))
  await tag(parked, 'NO_THREATS_FOUND')

  const { clients } = relays
  const relay = createScanRelay({
    store: createParkedScanStore({ dynamodb: clients.dynamodb, table }),
    scanner: createGuardDuty(clients.s3),
    putRecords: createPutRecords(clients.kinesis, names.stream),
    log: pipeline.log,
    now: () => Date.now() + 60_000,
  })
  t.equal(await relay.runOnce(), 2)

  for (const { of, without, role, calls } of [
    { of: guardduty.lambda, without: off.lambda, role: 'Processor', calls: gate.calls() },
    { of: guardduty.lambda, without: off.lambda, role: 'Relay', calls: relays.calls() },
    { of: guardduty.fargate, without: off.fargate, role: 'Worker', calls: [...gate.calls(), ...relays.calls()] },
  ]) {
    const permissions = permissionsOf(of, role, resolverOf(of)).filter(({ via }) => via === undefined)
    t.strictSame(surprises(permissions, calls).refused, [], `${role}: no call is denied`)
    const known = new Set(permissionsOf(without, role, resolverOf(without)).map(describe))
    const added = permissions.filter(permission => !known.has(describe(permission)))
    t.strictSame(surprises(added, calls).unused, [], `${role}: no added permission is unused`)
    t.ok(added.some(({ action }) => action === 's3:GetObjectTagging'))
    t.match(surprises(permissionsOf(without, role, resolverOf(without)), calls).refused.join(), 's3:GetObjectTagging')
  }
})

/** Returns the statements of the policy of the bucket of uploads that are about reading. */
function readingDenials({ data }: Synthesized): Array<Record<string, unknown>> {
  return propertiesOf(data, 'AWS::S3::BucketPolicy')
    .flatMap(({ PolicyDocument }) => (PolicyDocument as { Statement: Array<Record<string, unknown>> }).Statement)
    .filter(({ Action }) => [Action].flat().includes('s3:GetObject'))
}

const isUnclean = {
  StringNotEquals: {
    's3:ExistingObjectTag/GuardDutyMalwareScanStatus': 'NO_THREATS_FOUND',
    's3:ExistingObjectTag/HeadgateReleased': 'true',
  },
}

t.test('with guardduty, nobody but the processes and GuardDuty reads an object without a clean tag', async t => {
  for (const deployment of [guardduty.lambda, guardduty.fargate]) {
    const [others, byUrl, ...more] = readingDenials(deployment)
    t.strictSame(more, [])
    t.match(others, {
      Effect: 'Deny',
      Principal: { AWS: '*' },
      Action: ['s3:GetObject', 's3:GetObjectVersion'],
      Condition: isUnclean,
    })
    const { Condition } = others as { Condition: { ArnNotLike: { 'aws:PrincipalArn': unknown[] } } }
    const principals = JSON.stringify(Condition.ArnNotLike['aws:PrincipalArn'])
    t.match(principals, ':role/headgate-lambda-*')
    t.match(principals, ':role/headgate-fargate-*')
    t.match(principals, 'MalwareScanRole')
    t.equal(Condition.ArnNotLike['aws:PrincipalArn'].length, 3)
    t.match(byUrl, {
      Effect: 'Deny',
      Principal: { AWS: '*' },
      Action: ['s3:GetObject', 's3:GetObjectVersion'],
      Condition: { StringEquals: { 's3:authType': 'REST-QUERY-STRING' }, ...isUnclean },
    })
    for (const { Resource } of [others ?? {}, byUrl ?? {}]) t.match(JSON.stringify(Resource), '/uploads/*')
  }
  for (const deployment of [off.lambda, clamd]) t.strictSame(readingDenials(deployment), [])
})

t.test(
  'with guardduty, the data stack has a malware protection plan that tags objects, with a role of its own',
  async t => {
    for (const deployment of [guardduty.lambda, guardduty.fargate]) {
      const [plan, ...more] = propertiesOf(deployment.data, 'AWS::GuardDuty::MalwareProtectionPlan')
      t.strictSame(more, [])
      t.match(plan, {
        Actions: { Tagging: { Status: 'ENABLED' } },
        ProtectedResource: { S3Bucket: { ObjectPrefixes: ['uploads/'] } },
      })
      const [role] = ofType(deployment.data, 'AWS::IAM::Role').filter(([id]) => id.startsWith('MalwareScanRole'))
      t.match(JSON.stringify(role), '"Service":"malware-protection-plan.guardduty.amazonaws.com"')
      const actions = JSON.stringify(role?.[1].Properties?.Policies)
      for (const action of [
        's3:PutObjectTagging',
        's3:GetObjectVersion',
        's3:PutBucketNotification',
        'events:PutRule',
      ]) {
        t.match(actions, action)
      }
      t.equal(actions.includes('kms:Decrypt'), deployment === guardduty.fargate)
    }
    for (const deployment of [off.lambda, off.fargate, clamd]) {
      t.strictSame(propertiesOf(deployment.data, 'AWS::GuardDuty::MalwareProtectionPlan'), [])
    }
  },
)

t.test('the api and the processes that scan know the scanner, and the worker reaches clamd', async t => {
  const count = (of: Synthesized, text: string) => JSON.stringify(of.compute).split(text).length - 1
  t.equal(count(guardduty.lambda, '"SCANNER":"guardduty"'), 5, 'every function')
  t.equal(count(clamd, '{"Name":"SCANNER","Value":"clamd"}'), 2)
  t.equal(count(clamd, '{"Name":"CLAMD_URL","Value":"tcp://clamd.internal:3310"}'), 1)
  const groups = propertiesOf(clamd.compute, 'AWS::EC2::SecurityGroup')
  const reaching = groups.filter(group => JSON.stringify(group.SecurityGroupEgress ?? []).includes('"FromPort":3310'))
  t.match(reaching, [{ GroupDescription: 'Tasks of the worker' }])
  t.equal(reaching.length, 1)
  for (const deployment of [off.lambda, off.fargate])
    t.notMatch(JSON.stringify([deployment.compute, deployment.data]), /SCANNER|CLAMD|:3310/)
})

t.test('refuses settings of a scanner that a deployment cannot have', async t => {
  const faults = (settings: Record<string, string>) => {
    try {
      readSettings(settings)
    } catch (error) {
      return String(error)
    }
    return ''
  }
  const clamdUrl = 'tcp://clamd.internal:3310'
  t.match(faults({ compute: 'lambda', scanner: 'clamd', clamdUrl }), 'clamd needs compute=fargate')
  t.match(faults({ compute: 'fargate', scanner: 'clamd' }), 'clamdUrl: is required')
  t.match(faults({ compute: 'fargate', clamdUrl }), 'clamdUrl: has an effect only with scanner=clamd')
  t.match(faults({ compute: 'fargate', scanner: 'clamd', clamdUrl: 'unix:///run/x' }), 'clamdUrl')
  t.equal(faults({ compute: 'fargate', scanner: 'clamd', clamdUrl }), '')
})

t.test('deployments with a scanner have alarms for malware, scans without a verdict, and late verdicts', async t => {
  const alarms = ({ compute }: Synthesized) =>
    Object.fromEntries(
      propertiesOf(compute, 'AWS::CloudWatch::Alarm').map(alarm => [String(alarm.AlarmName).split('-')[2], alarm]),
    )
  const added = (on: Synthesized, without: Synthesized) =>
    Object.keys(alarms(on))
      .filter(name => !(name in alarms(without)))
      .sort()
  t.strictSame(added(guardduty.lambda, off.lambda), ['ScanAge', 'ScanFailures', 'UploadsQuarantined'])
  t.strictSame(added(clamd, off.fargate), ['ScanFailures', 'UploadsQuarantined'])
  t.match(alarms(clamd).UploadsQuarantined, { Statistic: 'Sum', Threshold: 0, TreatMissingData: 'notBreaching' })
  t.match(alarms(guardduty.lambda).ScanAge, { Statistic: 'Maximum', Threshold: 1_800, TreatMissingData: 'breaching' })
})
