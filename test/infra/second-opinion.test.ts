import { DescribeTableCommand } from '@aws-sdk/client-dynamodb'
import { DescribeStreamSummaryCommand } from '@aws-sdk/client-kinesis'
import { HeadBucketCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import { createLocalClients } from '../../services/local/clients.ts'
import { leaseTable, names, type TableDefinition, uploadsTable } from '../../services/platform/resources.ts'
import { callCloudFormation, startMoto } from './support/moto.ts'
import { type CloudFormation, synthesize } from './support/synthesize.ts'

const STACK = 'headgate-data'

/** What moto can make of it: no user pool, and nothing that says something of one. */
function withoutUsers({ Resources, Outputs = {} }: CloudFormation): CloudFormation {
  const resources = Object.entries(Resources).filter(([, { Type }]) => /^AWS::(?:S3|DynamoDB|Kinesis)::/.test(Type))
  const known = new Set(resources.map(([id]) => id))
  const referred = (value: unknown) => {
    const { Ref, 'Fn::GetAtt': attribute } = value as { Ref?: string; 'Fn::GetAtt'?: string[] }
    return Ref ?? attribute?.[0] ?? ''
  }
  const outputs = Object.entries(Outputs).filter(([, { Value }]) => known.has(referred(Value)))
  return { Resources: Object.fromEntries(resources), Outputs: Object.fromEntries(outputs) }
}

const url = await startMoto(t)

t.test('another reading of CloudFormation makes of the data stack what the code expects', async t => {
  if (url === undefined) return t.pass('skipped', { skip: "moto is not installed: pip install 'moto[server]'" })
  const { data, settings } = synthesize(t, { preset: 'prod' })
  const TemplateBody = JSON.stringify(withoutUsers(data))
  await callCloudFormation(url, { Action: 'CreateStack', StackName: STACK, TemplateBody })
  const stack = await callCloudFormation(url, { Action: 'DescribeStacks', StackName: STACK })
  t.match(stack, '<StackStatus>CREATE_COMPLETE</StackStatus>')
  const outputs = new Map(
    [...stack.matchAll(/<OutputKey>(\w+)<\/OutputKey>\s*<OutputValue>([^<]*)</g)].map(([, key, value]) => [key, value]),
  )

  const { s3, dynamodb, kinesis, destroy } = createLocalClients({ s3: url, dynamodb: url, kinesis: url })
  t.teardown(destroy)
  for (const Bucket of [outputs.get('UploadBucket'), outputs.get('ProcessedBucket')]) {
    await t.resolves(s3.send(new HeadBucketCommand({ Bucket })), String(Bucket))
  }
  const { StreamDescriptionSummary } = await kinesis.send(
    new DescribeStreamSummaryCommand({ StreamName: outputs.get('StreamName') }),
  )
  t.match(StreamDescriptionSummary, {
    OpenShardCount: settings.shards,
    RetentionPeriodHours: settings.retentionHours,
  })
  const tables: Record<string, TableDefinition> = {
    [names.uploadsTable]: uploadsTable,
    [names.application]: leaseTable,
  }
  for (const [TableName, { partitionKey, sortKey, indexes }] of Object.entries(tables)) {
    const { Table } = await dynamodb.send(new DescribeTableCommand({ TableName }))
    const keys = Table?.KeySchema?.map(({ AttributeName }) => AttributeName)
    t.strictSame(keys, [partitionKey.name, ...(sortKey ? [sortKey.name] : [])], TableName)
    const found = Table?.GlobalSecondaryIndexes?.map(({ IndexName }) => IndexName) ?? []
    t.strictSame(
      found,
      indexes.map(({ name }) => name),
    )
    t.equal(Table?.DeletionProtectionEnabled, true)
  }

  const exports = await callCloudFormation(url, { Action: 'ListExports' })
  const made = [...exports.matchAll(/<Name>([^<]+)<\/Name>/g)].map(([, name]) => name)
  for (const compute of ['lambda', 'fargate']) {
    const needed = JSON.stringify(synthesize(t, { preset: 'prod', compute }).compute).matchAll(
      /"Fn::ImportValue":"([^"]+)"/g,
    )
    const others = new Set([...needed].map(([, name = '']) => name).filter(name => !name.includes('UserPool')))
    for (const name of others) t.ok(made.includes(name), name)
  }
})
