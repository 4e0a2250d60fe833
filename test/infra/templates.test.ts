import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { App, Stack, Validations } from 'aws-cdk-lib'
import { Bucket } from 'aws-cdk-lib/aws-s3'
import { AwsSolutionsChecks } from 'cdk-nag'
import t, { type Test } from 'tap'
import { routes } from '../../infra/gateway/routes.ts'
import { bucketLifecycle, keyPrefixes } from '../../services/platform/resources.ts'
import {
  type CloudFormation,
  ofType,
  propertiesOf,
  type Synthesized,
  synthesize,
  variants,
} from './support/synthesize.ts'

/** Every variant as production has it, with all that can be asked for; and the smallest. */
const everything = {
  preset: 'prod',
  alarmEmail: 'operator@example.com',
  domainName: 'api.example.com',
  certificateArn: 'arn:aws:acm:us-east-1:111111111111:certificate/00000000-0000-0000-0000-000000000000',
  userPoolDomain: 'headgate-sign-in',
  callbackUrls: 'https://app.example.com/back',
  corsOrigins: 'https://app.example.com',
  expireUploadsDays: '30',
  monthlyBudgetUsd: '100',
  costAnomalyUsd: '20',
  tracing: 'xray',
}
const production = variants.map(variant => synthesize(t, { ...everything, ...variant }))
const smallest = variants.map(variant => synthesize(t, variant))
const all = [...production, ...smallest]

function each(t: Test, deployments: readonly Synthesized[], check: (t: Test, it: Synthesized) => void): void {
  for (const it of deployments) {
    t.test(`${it.settings.preset}, ${it.settings.compute}, ${it.settings.gateway}`, async t => check(t, it))
  }
}

const stacks = ({ data, compute }: Synthesized) => [data, compute]

t.test('every variant synthesizes offline, with no finding of cdk-nag that is not acknowledged', async t => {
  t.equal(all.length, 8)
  // That a finding does end a synthesis.
  const app = new App()
  new Bucket(new Stack(app, 'careless'), 'Public')
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
  t.throws(() => app.synth(), /alidation failed/)
})

t.test('cfn-lint finds nothing', async t => {
  const run = promisify(execFile)
  const found = await run('cfn-lint', ['--version']).then(
    () => true,
    () => false,
  )
  if (!found) return t.pass('skipped', { skip: 'cfn-lint is not installed: pip install cfn-lint' })
  // W3005: CDK names dependencies that a reference says already. It does no harm.
  // What the smallest have, production has too.
  const files = production.flatMap(it => it.files)
  const { stdout } = await run('cfn-lint', ['--ignore-checks', 'W3005', '--', ...files]).catch(
    (error: { stdout: string }) => error,
  )
  t.equal(stdout.trim(), '')
})

t.test('no template names an account or a region', async t => {
  each(t, all, (t, it) => {
    const text = JSON.stringify(stacks(it)).replaceAll(everything.certificateArn, '')
    t.notMatch(text, /\b\d{12}\b/)
    t.notMatch(text, /\b(?:us|eu|ap)-[a-z]+-\d\b/)
  })
})

t.test('buckets are private, encrypted, for TLS alone, and tidy themselves up', async t => {
  each(t, all, (t, { data }) => {
    const policies = JSON.stringify(propertiesOf(data, 'AWS::S3::BucketPolicy'))
    for (const [id, { Properties = {} }] of ofType(data, 'AWS::S3::Bucket')) {
      t.match(Properties, {
        BucketEncryption: Object,
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
      })
      t.match(policies, id, 'it has a policy')
      if (id.startsWith('AccessLogs')) continue
      const { Rules } = Properties.LifecycleConfiguration as { Rules: unknown[] }
      t.match(Properties, { VersioningConfiguration: { Status: 'Enabled' } })
      t.match(Rules.slice(0, 1), [
        { AbortIncompleteMultipartUpload: { DaysAfterInitiation: bucketLifecycle.abortMultipartDays } },
      ])
      if (id.startsWith('Uploads')) {
        const tails = { Prefix: keyPrefixes.tails, ExpirationInDays: bucketLifecycle.expireTailsDays }
        t.match(JSON.stringify(Rules), `"ExpirationInDays":${tails.ExpirationInDays}`)
        t.ok(Rules.some(rule => (rule as { Prefix?: string }).Prefix === tails.Prefix))
      }
    }
    t.match(policies, /"aws:SecureTransport":"false"/)
  })
})

t.test('tables can be restored to any second, and production deletes no data', async t => {
  const DATA = ['AWS::S3::Bucket', 'AWS::DynamoDB::Table', 'AWS::Kinesis::Stream', 'AWS::Cognito::UserPool']
  each(t, all, (t, it) => {
    for (const table of propertiesOf(it.data, 'AWS::DynamoDB::Table')) {
      t.match(table, { PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true } })
      t.equal(table.DeletionProtectionEnabled, it.settings.keepData)
    }
    t.match(propertiesOf(it.data, 'AWS::Kinesis::Stream'), [{ StreamEncryption: { EncryptionType: 'KMS' } }])
    for (const type of DATA) {
      for (const [id, resource] of ofType(it.data, type)) {
        const policy = it.settings.keepData ? 'Retain' : 'Delete'
        t.match(resource, { DeletionPolicy: policy, UpdateReplacePolicy: policy }, id)
      }
    }
  })
})

t.test('users sign in with a password or SRP to a client without a secret', async t => {
  each(t, all, (t, { data }) => {
    t.match(propertiesOf(data, 'AWS::Cognito::UserPoolClient'), [
      {
        GenerateSecret: false,
        ExplicitAuthFlows: ['ALLOW_USER_PASSWORD_AUTH', 'ALLOW_USER_SRP_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'],
      },
    ])
  })
})

/** The routes of the gateway, as `METHOD path`, each with the type of its authorizer. */
function gatewayRoutes({ compute, settings }: Synthesized): Record<string, string> {
  if (settings.gateway === 'http') {
    const made = propertiesOf(compute, 'AWS::ApiGatewayV2::Route')
    return Object.fromEntries(
      made.map(({ RouteKey, AuthorizationType }) => [String(RouteKey), String(AuthorizationType)]),
    )
  }
  const parts = Object.fromEntries(
    ofType(compute, 'AWS::ApiGateway::Resource').map(([id, { Properties = {} }]) => {
      const { PathPart, ParentId } = Properties as { PathPart: string; ParentId: { Ref?: string } }
      return [id, { part: PathPart, parent: ParentId.Ref }]
    }),
  )
  const pathOf = (id: string | undefined): string => {
    const it = id === undefined ? undefined : parts[id]
    return it ? `${pathOf(it.parent)}/${it.part}` : ''
  }
  return Object.fromEntries(
    propertiesOf(compute, 'AWS::ApiGateway::Method').map(({ HttpMethod, ResourceId, AuthorizationType }) => [
      `${HttpMethod} ${pathOf((ResourceId as { Ref: string }).Ref)}`,
      String(AuthorizationType),
    ]),
  )
}

t.test('every route of uploads has an authorizer, and nothing else is let through but what is open', async t => {
  each(t, all, (t, it) => {
    const kind = it.settings.gateway === 'http' ? 'JWT' : 'COGNITO_USER_POOLS'
    const expected = routes.flatMap(({ path, methods, authorized }) =>
      methods.map(method => [`${method} ${path}`, authorized ? kind : 'NONE']),
    )
    t.strictSame(gatewayRoutes(it), Object.fromEntries(expected))
    for (const { path, authorized, methods } of routes) {
      if (path.startsWith('/uploads') && !methods.includes('OPTIONS')) t.ok(authorized, path)
    }
  })
})

t.test('a REST API goes to the balancer itself, by a link of the second kind', async t => {
  const linked = all.filter(({ settings }) => settings.compute === 'fargate' && settings.gateway === 'rest')
  each(t, linked, (t, { compute }) => {
    const [[balancer] = []] = ofType(compute, 'AWS::ElasticLoadBalancingV2::LoadBalancer')
    const [[link] = []] = ofType(compute, 'AWS::ApiGatewayV2::VpcLink')
    const methods = propertiesOf(compute, 'AWS::ApiGateway::Method')
    t.ok(methods.length >= routes.length)
    for (const { Integration } of methods) {
      // A listener is refused: `is not a valid ALB or NLB arn`.
      const way = { ConnectionType: 'VPC_LINK', ConnectionId: { Ref: link }, IntegrationTarget: { Ref: balancer } }
      t.match(Integration, { Type: 'HTTP_PROXY', ...way })
    }
  })
})

t.test(
  'the mapping begins at the first record, reports failures one by one, and gives nothing up by itself',
  async t => {
    const mapped = all.filter(({ settings }) => settings.compute === 'lambda')
    each(t, mapped, (t, { compute, settings }) => {
      t.match(propertiesOf(compute, 'AWS::Lambda::EventSourceMapping'), [
        {
          StartingPosition: 'TRIM_HORIZON',
          FunctionResponseTypes: ['ReportBatchItemFailures'],
          BatchSize: settings.batchSize,
          ParallelizationFactor: settings.parallelization,
          MaximumRetryAttempts: -1,
          BisectBatchOnFunctionError: true,
        },
      ])
    })
  },
)

t.test('all functions and tasks are of one image, and cannot write to its file system', async t => {
  each(t, all, (t, { compute, settings }) => {
    const isLambda = settings.compute === 'lambda'
    const images = isLambda
      ? propertiesOf(compute, 'AWS::Lambda::Function').map(({ Code }) => (Code as { ImageUri: unknown }).ImageUri)
      : containersOf(compute).map(({ Image }) => Image)
    t.equal(images.length, isLambda ? 5 : 2)
    t.equal(new Set(images.map(image => JSON.stringify(image))).size, 1)
    for (const container of containersOf(compute)) t.equal(container.ReadonlyRootFilesystem, true)
  })
})

function containersOf(compute: CloudFormation): Array<Record<string, unknown>> {
  return propertiesOf(compute, 'AWS::ECS::TaskDefinition').flatMap(
    ({ ContainerDefinitions }) => ContainerDefinitions as Array<Record<string, unknown>>,
  )
}

t.test('a task has longer to stop than its process takes, and deployments that fail are rolled back', async t => {
  const tasks = all.filter(({ settings }) => settings.compute === 'fargate')
  each(t, tasks, (t, { compute, settings }) => {
    for (const { StopTimeout, Environment } of containersOf(compute)) {
      const variables = Environment as Array<{ Name: string; Value: string }>
      const shutdown = variables.find(({ Name }) => Name === 'SHUTDOWN_TIMEOUT_MS')?.Value
      t.equal(StopTimeout, settings.stopSeconds)
      t.ok(Number(shutdown) < Number(StopTimeout) * 1_000, `${shutdown} ms`)
    }
    for (const service of propertiesOf(compute, 'AWS::ECS::Service')) {
      t.match(service, { DeploymentConfiguration: { DeploymentCircuitBreaker: { Enable: true, Rollback: true } } })
    }
    const scalable = propertiesOf(compute, 'AWS::ApplicationAutoScaling::ScalableTarget')
    const workers = scalable.filter(({ ResourceId }) => JSON.stringify(ResourceId).includes('WorkerService'))
    t.equal(workers.length, 1)
    t.ok(Number(workers[0]?.MaxCapacity) <= settings.shards, 'no more workers than shards')
    t.equal(propertiesOf(compute, 'AWS::ApplicationAutoScaling::ScalingPolicy').length, 4)
  })
})

t.test('every log ends some day', async t => {
  each(t, all, (t, it) => {
    const logs = stacks(it).flatMap(template => propertiesOf(template, 'AWS::Logs::LogGroup'))
    t.ok(logs.length > 0)
    for (const log of logs) t.equal(log.RetentionInDays, it.settings.logDays)
  })
})

t.test('alarms reach somebody, once when they go off and once when it is over', async t => {
  each(t, production, (t, { compute }) => {
    t.match(propertiesOf(compute, 'AWS::SNS::Subscription'), [{ Protocol: 'email', Endpoint: everything.alarmEmail }])
    const own = propertiesOf(compute, 'AWS::CloudWatch::Alarm').filter(({ AlarmName }) => AlarmName !== undefined)
    t.ok(own.length >= 10, `${own.length} alarms`)
    for (const { AlarmActions, OKActions } of own) {
      t.match(AlarmActions, [{ Ref: /^Alarms/ }])
      t.match(OKActions, [{ Ref: /^Alarms/ }])
    }
    t.equal(propertiesOf(compute, 'AWS::CloudWatch::Dashboard').length, 1)
    t.equal(propertiesOf(compute, 'AWS::Budgets::Budget').length, 1)
    t.equal(propertiesOf(compute, 'AWS::CE::AnomalySubscription').length, 1)
  })
})
