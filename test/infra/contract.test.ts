import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { DescribeTableCommand, type TableDescription } from '@aws-sdk/client-dynamodb'
import { DescribeStreamSummaryCommand } from '@aws-sdk/client-kinesis'
import { HeadBucketCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import type { TObject } from 'typebox'
import { entriesOf } from '../../image/entries.ts'
import { routes } from '../../infra/gateway/routes.ts'
import { createTable } from '../../services/local/resources/dynamodb.ts'
import { apiConfigSchema } from '../../services/platform/config/api.ts'
import { loadConfig } from '../../services/platform/config/load.ts'
import {
  orphansConfigSchema,
  processorConfigSchema,
  relayConfigSchema,
  workerConfigSchema,
} from '../../services/platform/config/worker.ts'
import { metrics } from '../../services/platform/metrics.ts'
import { leaseTable, names, uploadsTable } from '../../services/platform/resources.ts'
import { buildTestApi } from '../api/support.ts'
import { startAws } from '../support/aws.ts'
import { REGION } from './support/calls.ts'
import { type Resolve, resolverOf } from './support/resolve.ts'
import { propertiesOf, type Synthesized, synthesize } from './support/synthesize.ts'

const root = path.resolve(import.meta.dirname, '../..')
const everything = {
  corsOrigins: 'https://app.example.com',
  flatKeys: 'true',
  otherProducers: 'true',
  tracing: 'otlp',
  otlpEndpoint: 'http://127.0.0.1:9',
  tracePercent: '50',
}
const lambda = synthesize(t, { ...everything, compute: 'lambda' })
const fargate = synthesize(t, { ...everything, compute: 'fargate' })
// Servers start last: synthesis blocks the process for so long that they would close idle connections.
const aws = await startAws(t)

/** The program of a function or task, and its environment. */
interface Process {
  /** Below the root, as `services/api/lambda.ts`. */
  source: string
  command: string
  environment: Record<string, string>
}

const SCHEMAS: Readonly<Record<string, TObject>> = {
  'services/api/lambda.ts': apiConfigSchema,
  'services/api/lambda-sweep.ts': apiConfigSchema,
  'services/worker/lambda.ts': processorConfigSchema,
  'services/worker/lambda-relay.ts': relayConfigSchema,
  'services/worker/lambda-orphans.ts': orphansConfigSchema,
  'services/api/server.ts': apiConfigSchema,
  'services/worker/worker.ts': workerConfigSchema,
}

/** Returns the source of a file in the image's dist/. */
const sourceOf = (file: string) => file.replace(/^dist\//, '').replace(/\.(?:js|handler)$/, '.ts')

function functionsOf({ compute }: Synthesized, resolve: Resolve): Process[] {
  return propertiesOf(compute, 'AWS::Lambda::Function').map(({ ImageConfig, Environment }) => {
    const { Command, EntryPoint } = ImageConfig as { Command: string[]; EntryPoint: string[] }
    const { Variables } = resolve(Environment) as { Variables: Record<string, string> }
    // Lambda sets it.
    const environment = { ...Variables, AWS_REGION: REGION }
    return { source: sourceOf(Command[0] ?? ''), command: [...EntryPoint, ...Command].join(' '), environment }
  })
}

function tasksOf({ compute }: Synthesized, resolve: Resolve): Process[] {
  return propertiesOf(compute, 'AWS::ECS::TaskDefinition').map(({ ContainerDefinitions }) => {
    const [container] = resolve(ContainerDefinitions) as Array<{
      Command: string[]
      Environment: Array<{ Name: string; Value: string }>
    }>
    const environment = Object.fromEntries((container?.Environment ?? []).map(({ Name, Value }) => [Name, Value]))
    const command = container?.Command ?? []
    return { source: sourceOf(command.at(-1) ?? ''), command: command.join(' '), environment }
  })
}

const functions = functionsOf(lambda, resolverOf(lambda))
const tasks = tasksOf(fargate, resolverOf(fargate))

t.test('has every command and handler in the image, and in the README', async t => {
  const readme = readFileSync(path.join(root, 'README.md'), 'utf8')
  const { programs, handlers } = entriesOf(path.join(root, 'services'))
  const bundled = [...programs, ...handlers].map(name => `services/${name}.ts`)
  t.strictSame([...functions, ...tasks].map(({ source }) => source).sort(), Object.keys(SCHEMAS).sort())
  for (const { source, command } of [...functions, ...tasks]) {
    t.ok(existsSync(path.join(root, source)), source)
    t.ok(bundled.includes(source), `${source} is in the image`)
    const [program] = command.split(' dist/')
    if (program !== 'node') t.match(readme, String(program), 'the entry point')
  }
})

t.test('gives each process only variables that it knows, and all that it requires', async t => {
  for (const { source, environment } of [...functions, ...tasks]) {
    const schema = SCHEMAS[source]
    if (!schema) return t.fail(source)
    const unknown = Object.keys(environment).filter(name => !(name in schema.properties))
    t.strictSame(unknown, [], `${source} knows what it is given`)
    t.ok(loadConfig(schema, environment), `${source} can use it`)
  }
})

t.test('streams no events to a gateway that buffers responses', async t => {
  const api = tasks.find(({ source }) => source === 'services/api/server.ts')
  t.equal(api?.environment.EVENT_STREAMS, 'whole')
})

t.test('tells clients of a container how large a body API Gateway forwards', async t => {
  const api = tasks.find(({ source }) => source === 'services/api/server.ts')
  t.equal(api?.environment.GATEWAY_MAX_BODY_BYTES, '10000000')
})

t.test('starts every handler with the environment of its function', async t => {
  const start = promisify(execFile)
  for (const { source, environment } of functions) {
    const entry = JSON.stringify(path.join(root, source))
    const program = `const { handler } = await import(${entry}); console.log(typeof handler); process.exit()`
    const { stdout } = await start(process.execPath, ['--input-type=module', '-e', program], {
      env: { ...environment, PATH: process.env.PATH },
    })
    t.equal(stdout.trim().split('\n').at(-1), 'function', source)
  }
})

t.test('routes everything that the api serves, and requires a token for uploads', async t => {
  const { app } = await buildTestApi(t, aws)
  const document = (await app.openapi()) as unknown as {
    paths: Record<string, Record<string, { security?: unknown[] }>>
  }
  const served = Object.entries(document.paths)
  t.ok(served.length > 8, `${served.length} paths`)
  for (const [served_, operations] of served) {
    for (const method of Object.keys(operations)) {
      const route = routeFor(method.toUpperCase(), served_)
      t.ok(route, `${method} ${served_} is let through`)
      const isGuarded = served_.startsWith('/uploads') && method !== 'options'
      t.equal(route?.authorized, isGuarded, `${method} ${served_} needs a token: ${isGuarded}`)
    }
  }
  t.equal(routeFor('OPTIONS', '/uploads')?.authorized, false)
})

/** Chooses a route like API Gateway: an exact method before ANY. */
function routeFor(method: string, asked: string) {
  const fits = (pattern: string) =>
    pattern.endsWith('/{proxy+}') ? asked.startsWith(pattern.slice(0, -'{proxy+}'.length)) : asked === pattern
  const found = routes.filter(({ path: pattern }) => fits(pattern))
  return found.find(({ methods }) => methods.includes(method)) ?? found.find(({ methods }) => methods.includes('ANY'))
}

t.test('watches custom metrics by the names and dimensions under which processes emit them', async t => {
  for (const { compute, settings } of [lambda, fargate]) {
    const alarms = propertiesOf(compute, 'AWS::CloudWatch::Alarm')
    const own = alarms.filter(({ Namespace }) => String(Namespace).startsWith('Headgate/'))
    t.ok(own.length >= 2, `${own.length} alarms of ${settings.compute}`)
    const given = [...functions, ...tasks].map(({ environment }) => environment.METRICS_NAMESPACE)
    for (const { Namespace, MetricName, Dimensions } of own) {
      t.ok(String(MetricName) in metrics, String(MetricName))
      t.ok(given.includes(String(Namespace)))
      t.strictSame(Dimensions, [{ Name: 'Application', Value: names.application }])
    }
  }
})

t.test('has a section in the runbook for every alarm', async t => {
  const runbook = readFileSync(path.join(root, 'docs/how-to/runbook.md'), 'utf8')
  const sections = [...runbook.matchAll(/^## (\w+)$/gm)].map(([, name]) => name)
  const notifications = JSON.stringify([{ name: 'bus', eventBus: 'default' }])
  const deployments = [
    lambda,
    fargate,
    synthesize(t, { gateway: 'rest' }),
    synthesize(t, { notifications, scanner: 'guardduty' }),
  ]
  const alarms = deployments.flatMap(({ compute }) =>
    propertiesOf(compute, 'AWS::CloudWatch::Alarm').flatMap(({ AlarmName }) =>
      // Of the stack, then of the section, then, where there are several, which of them.
      typeof AlarmName === 'string' ? [AlarmName.split('-')[2]] : [],
    ),
  )
  t.strictSame([...new Set(alarms)].sort(), [...new Set(sections)].sort())
})

/** Returns the properties of a table that its definition determines. CloudFormation and the API name them alike. */
const essence = ({
  TableName,
  KeySchema,
  AttributeDefinitions = [],
  GlobalSecondaryIndexes = [],
}: TableDescription) => ({
  TableName,
  KeySchema,
  AttributeDefinitions: [...AttributeDefinitions].sort((a, b) =>
    String(a.AttributeName) < String(b.AttributeName) ? -1 : 1,
  ),
  GlobalSecondaryIndexes: GlobalSecondaryIndexes.map(({ IndexName, KeySchema: keys, Projection }) => ({
    IndexName,
    KeySchema: keys,
    Projection: { ProjectionType: Projection?.ProjectionType },
  })),
})

t.test('defines the same tables as the embedded AWS', async t => {
  await createTable(aws.dynamodb, names.application, leaseTable)
  const made = propertiesOf(lambda.data, 'AWS::DynamoDB::Table') as TableDescription[]
  t.equal(made.length, 2)
  for (const table of made) {
    const { Table = {} } = await aws.dynamodb.send(new DescribeTableCommand({ TableName: table.TableName }))
    t.strictSame(essence(table), essence(Table))
    t.match(Table.BillingModeSummary?.BillingMode, (table as { BillingMode?: string }).BillingMode)
  }
})

t.test('expires items of the uploads table', async t => {
  const [{ TimeToLiveSpecification } = {}] = propertiesOf(lambda.data, 'AWS::DynamoDB::Table').filter(
    ({ TableName }) => TableName === names.uploadsTable,
  )
  t.strictSame(TimeToLiveSpecification, { AttributeName: uploadsTable.timeToLive, Enabled: true })
})

t.test('defines the same stream and buckets as the embedded AWS', async t => {
  const [stream = {}] = propertiesOf(lambda.data, 'AWS::Kinesis::Stream')
  const named = { StreamName: String(stream.Name) }
  const { StreamDescriptionSummary } = await aws.kinesis.send(new DescribeStreamSummaryCommand(named))
  t.match(StreamDescriptionSummary, {
    StreamName: names.stream,
    OpenShardCount: stream.ShardCount,
    RetentionPeriodHours: stream.RetentionPeriodHours,
  })
  const [{ environment } = { environment: {} as Record<string, string> }] = tasks.filter(({ source }) =>
    source.includes('worker'),
  )
  for (const variable of ['UPLOAD_BUCKET', 'PROCESSED_BUCKET', 'STREAM_NAME', 'UPLOADS_TABLE']) {
    t.equal(environment[variable], aws.env[variable], variable)
  }
  for (const Bucket of [environment.UPLOAD_BUCKET, environment.PROCESSED_BUCKET]) {
    await t.resolves(aws.s3.send(new HeadBucketCommand({ Bucket })))
  }
})
