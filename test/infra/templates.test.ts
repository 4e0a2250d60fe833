import { App, Stack, Validations } from 'aws-cdk-lib'
import { Bucket } from 'aws-cdk-lib/aws-s3'
import { AwsSolutionsChecks } from 'cdk-nag'
import t, { type Test } from 'tap'
import { routes } from '../../infra/gateway/routes.ts'
import { catalogue } from '../../services/api/problems/catalogue.ts'
import { bucketLifecycle, keyPrefixes } from '../../services/platform/resources.ts'
import { everything } from './support/contexts.ts'
import {
  type CloudFormation,
  ofType,
  propertiesOf,
  type Synthesized,
  synthesize,
  variants,
} from './support/synthesize.ts'

const otlp = {
  tracing: 'otlp',
  otlpEndpoint: 'https://collector.example.com',
  otlpHeadersSecretArn: 'arn:aws:secretsmanager:us-east-1:111111111111:secret:otlp-headers-AbCdEf',
}
/** Combines each kind of tracing with each compute and each gateway. */
const traces = ({ compute, gateway }: (typeof variants)[number]) =>
  (compute === 'lambda') === (gateway === 'rest') ? { tracing: 'xray' } : otlp
/** Every variant as production has it, with every setting; and the smallest. */
const production = variants.map(variant =>
  synthesize(t, { ...everything, ...traces(variant), ...variant }, { validate: true }),
)
const smallest = variants.map(variant => synthesize(t, variant, { validate: true }))
const all = [...production, ...smallest]

function each(t: Test, deployments: readonly Synthesized[], check: (t: Test, it: Synthesized) => void): void {
  for (const it of deployments) {
    t.test(`${it.settings.preset}, ${it.settings.compute}, ${it.settings.gateway}`, async t => check(t, it))
  }
}

const stacks = ({ data, compute }: Synthesized) => [data, compute]

t.test('synthesizes every variant offline, and an unacknowledged finding of cdk-nag ends the synthesis', async t => {
  t.equal(all.length, 8)
  // Shows that a finding ends the synthesis.
  const app = new App()
  new Bucket(new Stack(app, 'careless'), 'Public')
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
  t.throws(() => app.synth(), /alidation failed/)
})

t.test('names no account or region in a template', async t => {
  each(t, all, (t, it) => {
    const text = JSON.stringify(stacks(it))
      .replaceAll(everything.certificateArn, '')
      .replaceAll(otlp.otlpHeadersSecretArn, '')
    t.notMatch(text, /\b\d{12}\b/)
    t.notMatch(text, /\b(?:us|eu|ap)-[a-z]+-\d\b/)
  })
})

t.test('creates buckets that are private, encrypted, reachable by TLS only, and expire what is left over', async t => {
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

t.test('creates tables with point-in-time recovery, and deletes no data in production', async t => {
  const DATA = ['AWS::S3::Bucket', 'AWS::DynamoDB::Table', 'AWS::Kinesis::Stream', 'AWS::Cognito::UserPool']
  each(t, all, (t, it) => {
    for (const table of propertiesOf(it.data, 'AWS::DynamoDB::Table')) {
      t.match(table, { PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true } })
      t.equal(table.DeletionProtectionEnabled, it.settings.keepData)
    }
    t.match(propertiesOf(it.data, 'AWS::Kinesis::Stream'), [{ StreamEncryption: { EncryptionType: 'KMS' } }])
    for (const type of DATA) {
      for (const [id, resource] of ofType(it.data, type)) {
        const kept = it.settings.keepData
        const UpdateReplacePolicy = kept ? 'Retain' : 'Delete'
        // CloudFormation deletes these when creating the stack fails. It cannot delete protected tables and user pools.
        const isProtected = type === 'AWS::DynamoDB::Table' || type === 'AWS::Cognito::UserPool'
        const DeletionPolicy = kept && !isProtected ? 'RetainExceptOnCreate' : UpdateReplacePolicy
        t.match(resource, { DeletionPolicy, UpdateReplacePolicy }, id)
      }
    }
  })
})

t.test(
  'exports the same from the data stack for either compute, so that a change of compute removes no export',
  async t => {
    const exportsOf = ({ data }: Synthesized) =>
      Object.values(data.Outputs ?? {}).flatMap(({ Export }) => (Export ? [Export.Name] : []))
    for (const deployments of [production, smallest]) {
      const [first, ...others] = deployments.map(exportsOf)
      for (const other of others) t.strictSame(other, first)
    }
    each(t, all, (t, { data, compute }) => {
      const imported = JSON.stringify(compute).matchAll(/"Fn::ImportValue":"([^"]+)"/g)
      const made = Object.values(data.Outputs ?? {}).map(output => output.Export?.Name)
      for (const [, name] of imported) t.ok(made.includes(name), String(name))
      t.notMatch(JSON.stringify(data), /Fn::ImportValue/, 'the data stack imports nothing')
    })
  },
)

t.test('uses different names for both computes, which exist side by side during a change', async t => {
  const NAMED: Readonly<Record<string, string>> = {
    'AWS::CloudWatch::Alarm': 'AlarmName',
    'AWS::CloudWatch::Dashboard': 'DashboardName',
    'AWS::Budgets::Budget': 'Budget',
    'AWS::CE::AnomalySubscription': 'SubscriptionName',
  }
  const namesOf = ({ compute }: Synthesized) =>
    Object.entries(NAMED).flatMap(([type, property]) =>
      propertiesOf(compute, type).flatMap(found => (found[property] ? [JSON.stringify([type, found[property]])] : [])),
    )
  const [ofLambda, ofFargate] = (['lambda', 'fargate'] as const).map(compute =>
    production.filter(({ settings }) => settings.compute === compute).flatMap(namesOf),
  )
  t.ok((ofLambda ?? []).length > 20)
  t.strictSame(
    (ofLambda ?? []).filter(name => ofFargate?.includes(name)),
    [],
  )
})

t.test('lets users sign in with a password or SRP, by a client without a secret', async t => {
  each(t, all, (t, { data }) => {
    t.match(propertiesOf(data, 'AWS::Cognito::UserPoolClient'), [
      {
        GenerateSecret: false,
        ExplicitAuthFlows: ['ALLOW_USER_PASSWORD_AUTH', 'ALLOW_USER_SRP_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'],
      },
    ])
  })
})

/** Returns the type of the authorizer of each route, by `METHOD path`. */
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
      `${HttpMethod} ${pathOf((ResourceId as { Ref?: string }).Ref) || '/'}`,
      String(AuthorizationType),
    ]),
  )
}

t.test('puts an authorizer on every route of uploads, and has no other routes than the open ones', async t => {
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

t.test('connects a REST API to the load balancer by a VPC link V2', async t => {
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

t.test('lets Kinesis distribute the records of an on-demand stream with recordDistribution=auto', async t => {
  const settings = { streamMode: 'on-demand', recordDistribution: 'auto' }
  const [stream] = propertiesOf(synthesize(t, settings).data, 'AWS::Kinesis::Stream')
  t.match(stream, { StreamModeDetails: { StreamMode: 'ON_DEMAND' }, RecordDistributionStrategy: 'AUTO' })
  for (const { data } of smallest) {
    t.notOk(propertiesOf(data, 'AWS::Kinesis::Stream').some(properties => 'RecordDistributionStrategy' in properties))
  }
})

t.test('maps the stream from its first record, with failures reported by item and unlimited retries', async t => {
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
})

t.test('runs all functions and tasks from one image, with a read-only root file system in tasks', async t => {
  each(t, all, (t, { compute, settings }) => {
    const isLambda = settings.compute === 'lambda'
    const images = isLambda
      ? propertiesOf(compute, 'AWS::Lambda::Function').map(({ Code }) => (Code as { ImageUri: unknown }).ImageUri)
      : containersOf(compute).map(({ Image }) => Image)
    t.equal(images.length, isLambda ? 5 : 2)
    t.equal(new Set(images.map(image => JSON.stringify(image))).size, 1)
    for (const container of containersOf(compute))
      t.match(container, { ReadonlyRootFilesystem: true, LinuxParameters: { InitProcessEnabled: true } })
  })
})

function containersOf(compute: CloudFormation): Array<Record<string, unknown>> {
  return propertiesOf(compute, 'AWS::ECS::TaskDefinition').flatMap(
    ({ ContainerDefinitions }) => ContainerDefinitions as Array<Record<string, unknown>>,
  )
}

t.test('gives a task longer to stop than its process needs, and rolls failed deployments back', async t => {
  const tasks = all.filter(({ settings }) => settings.compute === 'fargate')
  each(t, tasks, (t, { compute, settings }) => {
    for (const { StopTimeout, Environment } of containersOf(compute)) {
      const variables = Environment as Array<{ Name: string; Value: string }>
      const shutdown = variables.find(({ Name }) => Name === 'SHUTDOWN_TIMEOUT_MS')?.Value
      t.equal(StopTimeout, settings.stopSeconds)
      t.ok(Number(shutdown) < Number(StopTimeout) * 1_000, `${shutdown} ms`)
    }
    const [{ TargetGroupAttributes } = {}] = propertiesOf(compute, 'AWS::ElasticLoadBalancingV2::TargetGroup')
    const attributes = TargetGroupAttributes as Array<{ Key: string; Value: string }>
    const draining = attributes.find(({ Key }) => Key === 'deregistration_delay.timeout_seconds')?.Value
    t.ok(Number(draining) > 30, 'requests that API Gateway waits for can finish')
    for (const service of propertiesOf(compute, 'AWS::ECS::Service')) {
      t.match(service, { DeploymentConfiguration: { DeploymentCircuitBreaker: { Enable: true, Rollback: true } } })
      t.notOk('DesiredCount' in service, 'a deployment does not reset the number of tasks')
    }
    const scalable = propertiesOf(compute, 'AWS::ApplicationAutoScaling::ScalableTarget')
    const workers = scalable.filter(({ ResourceId }) => JSON.stringify(ResourceId).includes('WorkerService'))
    t.equal(workers.length, 1)
    t.ok(Number(workers[0]?.MaxCapacity) <= settings.shards, 'no more workers than shards')
    t.equal(propertiesOf(compute, 'AWS::ApplicationAutoScaling::ScalingPolicy').length, 4)
  })
})

t.test('uses the given availability zones, and protects nothing in the compute stack from deletion', async t => {
  const { compute } = synthesize(t, {
    preset: 'prod',
    compute: 'fargate',
    availabilityZones: 'eu-west-1b, eu-west-1c',
  })
  const zones = propertiesOf(compute, 'AWS::EC2::Subnet').map(({ AvailabilityZone }) => AvailabilityZone)
  t.strictSame([...new Set(zones)], ['eu-west-1b', 'eu-west-1c'])
  const [balancer] = propertiesOf(compute, 'AWS::ElasticLoadBalancingV2::LoadBalancer')
  t.match(JSON.stringify(balancer?.LoadBalancerAttributes), '"deletion_protection.enabled","Value":"false"')
})

t.test('expires every log', async t => {
  each(t, all, (t, it) => {
    const logs = stacks(it).flatMap(template => propertiesOf(template, 'AWS::Logs::LogGroup'))
    t.ok(logs.length > 0)
    for (const log of logs) t.equal(log.RetentionInDays, it.settings.logDays)
  })
})

t.test(
  'formats error responses of a REST API like those of the api, with CORS, and tells the api its stage',
  async t => {
    const titles = Object.entries(catalogue).map(([slug, kind]) => ({ type: `urn:headgate:problem:${slug}`, ...kind }))
    const rest = all.filter(({ settings }) => settings.gateway === 'rest')
    each(t, rest, (t, { compute, settings }) => {
      const answers = propertiesOf(compute, 'AWS::ApiGateway::GatewayResponse')
      t.ok(answers.length >= 5, `${answers.length} answers`)
      for (const { StatusCode, ResponseTemplates, ResponseParameters } of answers) {
        const { type, title, status } = JSON.parse(Object.values(ResponseTemplates as Record<string, string>).join())
        t.ok(
          titles.some(kind => kind.type === type && kind.title === title && kind.status === status),
          `${type} is one of the api's`,
        )
        t.equal(String(status), StatusCode)
        const origin = (ResponseParameters as Record<string, string>)[
          'gatewayresponse.header.Access-Control-Allow-Origin'
        ]
        t.equal(origin, settings.corsOrigins === '' ? undefined : "'*'")
      }
      const [stage] = propertiesOf(compute, 'AWS::ApiGateway::Stage')
      const path = /"PUBLIC_PATH":"([^"]*)"|"Name":"PUBLIC_PATH","Value":"([^"]*)"/.exec(JSON.stringify(compute))
      t.equal(path?.[1] ?? path?.[2], settings.domainName === undefined ? `/${stage?.StageName}` : undefined)
    })
  },
)

t.test('has no alarm on a sum of metrics that are emitted only occasionally', async t => {
  each(t, all, (t, { compute }) => {
    for (const { AlarmName, Metrics = [] } of propertiesOf(compute, 'AWS::CloudWatch::Alarm')) {
      const parts = Metrics as Array<{ Expression?: string }>
      const expressions = parts.flatMap(({ Expression }) => Expression ?? [])
      // ECS emits these metrics every minute.
      for (const expression of expressions) t.equal(expression, 'desired - FILL(running, 0)', JSON.stringify(AlarmName))
    }
  })
})

t.test('has alarms for a consumer or relay that does not run at all', async t => {
  each(t, all, (t, { compute, settings }) => {
    const alarm = (id: string) =>
      propertiesOf(compute, 'AWS::CloudWatch::Alarm').find(
        ({ AlarmName }) => AlarmName === `headgate-${settings.compute}-${id}`,
      )
    t.match(alarm('StreamNotRead'), {
      Namespace: 'AWS/Kinesis',
      MetricName: 'GetRecords.Success',
      Statistic: 'SampleCount',
      ComparisonOperator: 'LessThanOrEqualToThreshold',
      Threshold: 0,
      TreatMissingData: 'breaching',
    })
    t.match(alarm('OutboxAge'), { TreatMissingData: 'breaching' })
    t.match(alarm('DeadLetters'), { TreatMissingData: 'notBreaching' })
    t.match(alarm('Api5xx'), { Period: 300, EvaluationPeriods: 1, Threshold: 5 })
    if (settings.compute === 'fargate') return
    // A function that runs every quarter of an hour has no data points in most periods of five minutes.
    t.match(alarm('FunctionErrors-Orphans'), { Period: 900, EvaluationPeriods: 2, Threshold: 0 })
    t.match(alarm('FunctionErrors-Relay'), { Period: 300, EvaluationPeriods: 2 })
    const age = alarm('IteratorAge')
    t.ok(
      Number(age?.Period) >= settings.processorSeconds,
      'the period is not shorter than an invocation that times out',
    )
  })
})

t.test('notifies the operator when an alarm goes off and when it is resolved', async t => {
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

t.test('the buckets let the pages of corsOrigins upload and download, and no other pages', async t => {
  each(t, all, (t, { data, settings }) => {
    const rules = propertiesOf(data, 'AWS::S3::Bucket').map(
      ({ CorsConfiguration }) => (CorsConfiguration as { CorsRules: object[] } | undefined)?.CorsRules ?? [],
    )
    const allowed = rules.filter(list => list.length > 0)
    t.equal(allowed.length, settings.corsOrigins === '' ? 0 : 2)
    for (const list of allowed) {
      t.match(list, [
        {
          AllowedOrigins: settings.corsOrigins.split(','),
          AllowedMethods: ['GET', 'HEAD', 'PUT'],
          AllowedHeaders: ['*'],
          ExposedHeaders: ['ETag', 'Accept-Ranges', 'Content-Disposition', 'Content-Range', 'x-amz-request-id'],
        },
      ])
    }
  })
})
