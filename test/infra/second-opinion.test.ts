import { DescribeTableCommand } from '@aws-sdk/client-dynamodb'
import { DescribeStreamSummaryCommand } from '@aws-sdk/client-kinesis'
import { GetBucketEncryptionCommand, HeadBucketCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import { leaseTable, names, type TableDefinition, uploadsTable } from '../../services/platform/resources.ts'
import { callQuery } from '../second-aws/support/call.ts'
import { notInstalled } from '../second-aws/support/installed.ts'
import { createClients } from '../second-aws/support/resources.ts'
import { startMoto } from '../second-aws/support/servers.ts'
import { type CloudFormation, synthesize } from './support/synthesize.ts'

const STACK = 'headgate-data'

/** The part of the template that moto can create: no user pool, and no output of one. */
function withoutUsers({ Resources, Outputs = {} }: CloudFormation): CloudFormation {
  const resources = Object.entries(Resources).filter(([, { Type }]) => /^AWS::(?:S3|DynamoDB|Kinesis|KMS)::/.test(Type))
  for (const [, { Type, Properties }] of resources) {
    // moto 5.2.5 expects the tags of a key under the names that KMS's own API has, and fails on those of CloudFormation.
    if (Type === 'AWS::KMS::Key') delete Properties?.Tags
  }
  const known = new Set(resources.map(([id]) => id))
  const referred = (value: unknown) => {
    const { Ref, 'Fn::GetAtt': attribute } = value as { Ref?: string; 'Fn::GetAtt'?: string[] }
    return Ref ?? attribute?.[0] ?? ''
  }
  const outputs = Object.entries(Outputs).filter(([, { Value }]) => known.has(referred(Value)))
  return { Resources: Object.fromEntries(resources), Outputs: Object.fromEntries(outputs) }
}

t.test(
  'moto creates from the data stack the resources that the code expects',
  { skip: notInstalled('moto') },
  async t => {
    const server = await startMoto(t)
    t.comment(server.versions)
    const cloudFormation = (action: string, parameters: Record<string, string> = {}) =>
      callQuery(server, 'cloudformation', action, parameters)
    const { data, settings } = synthesize(t, { preset: 'prod' })
    const TemplateBody = JSON.stringify(withoutUsers(data))
    await cloudFormation('CreateStack', { StackName: STACK, TemplateBody })
    const stack = await cloudFormation('DescribeStacks', { StackName: STACK })
    t.match(stack, '<StackStatus>CREATE_COMPLETE</StackStatus>')
    const outputs = new Map(
      [...stack.matchAll(/<OutputKey>(\w+)<\/OutputKey>\s*<OutputValue>([^<]*)</g)].map(([, key, value]) => [
        key,
        value,
      ]),
    )

    const { s3, dynamodb, kinesis } = createClients(t, server)
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

    const exports = await cloudFormation('ListExports')
    const made = [...exports.matchAll(/<Name>([^<]+)<\/Name>/g)].map(([, name]) => name)
    for (const compute of ['lambda', 'fargate']) {
      const needed = JSON.stringify(synthesize(t, { preset: 'prod', compute }).compute).matchAll(
        /"Fn::ImportValue":"([^"]+)"/g,
      )
      const others = new Set([...needed].map(([, name = '']) => name).filter(name => !name.includes('UserPool')))
      for (const name of others) t.ok(made.includes(name), name)
    }
  },
)

t.test(
  'moto encrypts the buckets for regulated data with the key that it creates',
  { skip: notInstalled('moto') },
  async t => {
    const server = await startMoto(t)
    const { data } = synthesize(t, { preset: 'regulated' })
    const TemplateBody = JSON.stringify(withoutUsers(data))
    await callQuery(server, 'cloudformation', 'CreateStack', { StackName: STACK, TemplateBody })
    const exported = await callQuery(server, 'cloudformation', 'ListExports', {})
    const exportOf = (name: string) =>
      new RegExp(`<Name>${STACK}:${name}</Name>\\s*<Value>([^<]+)<`).exec(exported)?.[1] ??
      new RegExp(`<Value>([^<]+)</Value>\\s*<Name>${STACK}:${name}<`).exec(exported)?.[1]
    const key = exportOf('KeyArn')
    t.match(key, /^arn:aws:kms:/)

    const { s3 } = createClients(t, server)
    for (const name of ['UploadBucket', 'ProcessedBucket']) {
      const { ServerSideEncryptionConfiguration } = await s3.send(
        new GetBucketEncryptionCommand({ Bucket: exportOf(name) }),
      )
      // Not asserted: moto ignores BucketKeyEnabled, and the keys of tables and streams, in templates.
      t.match(ServerSideEncryptionConfiguration?.Rules, [
        { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: key } },
      ])
    }
  },
)
