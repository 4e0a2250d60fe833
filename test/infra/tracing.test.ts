import t from 'tap'
import { otlpPort, tracesOf } from '../../infra/compute/traces.ts'
import { readSettings } from '../../infra/settings/read.ts'
import { loadConfig } from '../../services/platform/config/load.ts'
import { workerConfigSchema } from '../../services/platform/config/worker.ts'
import { readHeaders } from '../../services/platform/tracing/secret-headers.ts'
import { startSecretsManager } from '../support/otlp/secrets-manager.ts'
import { type Permission, permissionsOf } from './support/policies.ts'
import { resolverOf } from './support/resolve.ts'
import { propertiesOf, type Synthesized, synthesize } from './support/synthesize.ts'

const SECRET = 'arn:aws:secretsmanager:us-east-1:111111111111:secret:otlp-AbCdEf'
const otlp = {
  tracing: 'otlp',
  otlpEndpoint: 'http://collector.internal:4318',
  otlpHeadersSecretArn: SECRET,
  tracePercent: '25',
}
const both = (compute: string) => ({
  toAnybody: synthesize(t, { compute, ...otlp }),
  toXray: synthesize(t, { compute, tracing: 'xray' }),
})
const computes = [
  { compute: 'lambda', traced: ['Api', 'Processor', 'Relay'], untraced: ['Sweep', 'Orphans'], ...both('lambda') },
  { compute: 'fargate', traced: ['Api', 'Worker'], untraced: [], ...both('fargate') },
]

/** Returns the tracing variables of each function or task, by its command. */
function variablesOf(of: Synthesized): Map<string, Record<string, string>> {
  const functions = propertiesOf(of.compute, 'AWS::Lambda::Function').map(({ ImageConfig, Environment }) => {
    const { Command } = ImageConfig as { Command: string[] }
    return [Command.join(' '), Object.entries((Environment as { Variables: object }).Variables)] as const
  })
  const tasks = propertiesOf(of.compute, 'AWS::ECS::TaskDefinition').map(({ ContainerDefinitions }) => {
    const [{ Command, Environment } = { Command: [], Environment: [] }] = ContainerDefinitions as Array<{
      Command: string[]
      Environment: Array<{ Name: string; Value: unknown }>
    }>
    return [Command.join(' '), Environment.map(({ Name, Value }) => [Name, Value])] as const
  })
  return new Map(
    [...functions, ...tasks].map(([command, variables]) => [
      command,
      Object.fromEntries(variables.filter(([name]) => /^OT(?:EL|LP)_/.test(String(name)))) as Record<string, string>,
    ]),
  )
}

const describe = ({ action, resource }: Permission) => `${action} ${resource}`
/** Returns the permissions that a role has with one setting and lacks with another. */
function added(role: string, before: Synthesized, after: Synthesized): string[] {
  const known = new Set(permissionsOf(before, role, resolverOf(before)).map(describe))
  return permissionsOf(after, role, resolverOf(after))
    .map(describe)
    .filter(permission => !known.has(permission))
}

for (const { compute, traced, untraced, toAnybody, toXray } of computes) {
  t.test(
    `on ${compute}, configures tracing for processes on the path of an upload, and grants what exporting needs`,
    async t => {
      const secrets = await startSecretsManager(t, { [SECRET]: 'api-key=a' })
      process.env.AWS_ENDPOINT_URL_SECRETS_MANAGER = secrets.url
      Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' })
      await readHeaders(SECRET, 'us-east-1')

      const configured = [...variablesOf(toAnybody).values()].filter(variables => Object.keys(variables).length > 0)
      t.equal(configured.length, traced.length)
      for (const variables of configured) {
        const others = { AWS_REGION: 'us-east-1', UPLOAD_BUCKET: 'uploads', PROCESSED_BUCKET: 'processed' }
        t.match(loadConfig(workerConfigSchema, { ...others, ...variables }), {
          OTEL_TRACES_EXPORTER: 'otlp',
          OTEL_EXPORTER_OTLP_ENDPOINT: otlp.otlpEndpoint,
          OTLP_HEADERS_SECRET_ARN: SECRET,
          OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
          OTEL_TRACES_SAMPLER_ARG: 0.25,
        })
      }
      t.equal([...variablesOf(toXray).values()].filter(it => it.OTEL_TRACES_EXPORTER === 'xray').length, traced.length)

      for (const role of traced) {
        t.strictSame(
          added(role, toXray, toAnybody),
          secrets.calls.map(describe),
          `${role}: the calls that the code makes`,
        )
        t.strictSame(added(role, toAnybody, toXray), ['xray:PutSpans *', 'xray:PutSpansForIndexing *'], role)
      }
      for (const role of untraced) t.strictSame(added(role, toXray, toAnybody), [], role)
    },
  )
}

t.test('lets tasks reach the port of the OTLP endpoint, and no further port', async t => {
  const ports = ({ compute }: Synthesized) =>
    propertiesOf(compute, 'AWS::EC2::SecurityGroup').flatMap(({ SecurityGroupEgress = [] }) =>
      (SecurityGroupEgress as Array<{ CidrIp: string; ToPort: number }>)
        .filter(({ CidrIp }) => CidrIp === '0.0.0.0/0')
        .map(({ ToPort }) => ToPort),
    )
  for (const { compute, toAnybody, toXray } of computes.filter(it => it.compute === 'fargate')) {
    t.strictSame(ports(toAnybody), [443, 4318, 443, 4318], compute)
    t.strictSame(ports(toXray), [443, 443])
  }
  t.equal(otlpPort({ otlpEndpoint: 'https://collector.example.com' }), undefined)
  t.equal(otlpPort({ otlpEndpoint: 'http://collector.example.com' }), 80)
})

t.test('sets no tracing variable while tracing is off', async t => {
  t.strictSame(tracesOf(readSettings({ preset: 'prod' })), {})
  t.match(tracesOf(readSettings({ preset: 'prod', tracing: 'xray' })), { OTEL_TRACES_SAMPLER_ARG: '0.05' })
})
