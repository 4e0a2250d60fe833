import t, { type Test } from 'tap'
import { everything } from './support/contexts.ts'
import { permissionsOf } from './support/policies.ts'
import { resolverOf } from './support/resolve.ts'
import {
  type CloudFormation,
  ofType,
  propertiesOf,
  type Synthesized,
  synthesize,
  variants,
} from './support/synthesize.ts'

const regulated = variants.map(variant => synthesize(t, { ...everything, preset: 'regulated', ...variant }))
const plain = variants.map(variant => synthesize(t, variant))

function each(t: Test, deployments: readonly Synthesized[], check: (t: Test, it: Synthesized) => void): void {
  for (const it of deployments) {
    t.test(`${it.settings.preset}, ${it.settings.compute}, ${it.settings.gateway}`, async t => check(t, it))
  }
}

const IMPORTED_KEY = { 'Fn::ImportValue': 'headgate-data:KeyArn' }

/** The reference to the key within the data stack. */
function keyOf({ data }: Synthesized): unknown {
  const [[id] = []] = ofType(data, 'AWS::KMS::Key')
  return { 'Fn::GetAtt': [id, 'Arn'] }
}

t.test('sets a key of the account, more logs and a second factor with preset=regulated', async t => {
  each(t, regulated, (t, { settings }) => {
    t.match(settings, {
      keepData: true,
      natGateways: 2,
      encryption: 'customer',
      balancerLogs: true,
      mfa: 'required',
      logDays: 365,
    })
  })
})

t.test('encrypts everything that holds data with the key, with encryption=customer', async t => {
  each(t, regulated, (t, it) => {
    const { data, compute } = it
    const key = keyOf(it)
    for (const [id, { Properties = {} }] of ofType(data, 'AWS::S3::Bucket')) {
      // Log delivery supports no other encryption.
      const isLog = id.startsWith('AccessLogs')
      const rule = isLog
        ? { ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }
        : { BucketKeyEnabled: true, ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: key } }
      t.strictSame(Properties.BucketEncryption, { ServerSideEncryptionConfiguration: [rule] }, id)
    }
    const tables = propertiesOf(data, 'AWS::DynamoDB::Table')
    t.equal(tables.length, 2)
    for (const { SSESpecification } of tables) {
      t.strictSame(SSESpecification, { SSEEnabled: true, SSEType: 'KMS', KMSMasterKeyId: key })
    }
    t.match(propertiesOf(data, 'AWS::Kinesis::Stream'), [{ StreamEncryption: { EncryptionType: 'KMS', KeyId: key } }])
    const logs = propertiesOf(compute, 'AWS::Logs::LogGroup')
    t.ok(logs.length >= 4, `${logs.length} log groups`)
    for (const { KmsKeyId } of logs) t.strictSame(KmsKeyId, IMPORTED_KEY)
    t.match(propertiesOf(compute, 'AWS::SNS::Topic'), [{ KmsMasterKeyId: IMPORTED_KEY }])
    const queues = propertiesOf(compute, 'AWS::SQS::Queue')
    t.equal(queues.length, it.settings.compute === 'lambda' ? 1 : 0)
    for (const { KmsMasterKeyId } of queues) t.strictSame(KmsMasterKeyId, IMPORTED_KEY)
  })
})

t.test('rotates the key, and keeps it as long as the data', async t => {
  each(t, regulated, (t, { data }) => {
    t.match(ofType(data, 'AWS::KMS::Key'), [
      [
        String,
        {
          DeletionPolicy: 'RetainExceptOnCreate',
          UpdateReplacePolicy: 'Retain',
          Properties: { EnableKeyRotation: true },
        },
      ],
    ])
    t.match(propertiesOf(data, 'AWS::KMS::Alias'), [{ AliasName: 'alias/headgate' }])
  })
  const temporary = synthesize(t, { encryption: 'customer', name: 'staging' })
  t.match(ofType(temporary.data, 'AWS::KMS::Key'), [[String, { DeletionPolicy: 'Delete' }]])
  t.match(propertiesOf(temporary.data, 'AWS::KMS::Alias'), [{ AliasName: 'alias/staging' }])
})

interface KeyStatement {
  Principal: { AWS?: unknown; Service?: unknown }
  Action: string | string[]
  Condition?: Record<string, Record<string, unknown>>
}

t.test('admits the account, its log groups and its alarms in the policy of the key', async t => {
  each(t, regulated, (t, it) => {
    const resolve = resolverOf(it)
    const [{ KeyPolicy } = {}] = propertiesOf(it.data, 'AWS::KMS::Key')
    const { Statement } = resolve(KeyPolicy) as { Statement: KeyStatement[] }
    const [root, logs, alarms, ...others] = Statement
    t.strictSame(others, [])
    t.match(root, { Principal: { AWS: 'arn:aws:iam::000000000000:root' }, Action: 'kms:*' })
    t.match(logs?.Principal.Service, 'logs.us-east-1.amazonaws.com')
    const patterns = [logs?.Condition?.ArnLike?.['kms:EncryptionContext:aws:logs:arn']].flat().map(String)
    for (const [id, { Properties = {} }] of ofType(it.compute, 'AWS::Logs::LogGroup')) {
      t.notOk('LogGroupName' in Properties, 'CloudFormation names it after the stack and its logical id')
      const arn = `arn:aws:logs:us-east-1:000000000000:log-group:headgate-${it.settings.compute}-${id}-0123456789AB`
      t.ok(
        patterns.some(pattern => arn.startsWith(pattern.slice(0, -1))),
        `${arn} matches ${patterns.join()}`,
      )
    }
    t.strictSame(alarms, {
      Effect: 'Allow',
      Principal: { Service: 'cloudwatch.amazonaws.com' },
      Action: ['kms:Decrypt', 'kms:GenerateDataKey*'],
      Resource: '*',
      Condition: { StringEquals: { 'aws:SourceAccount': '000000000000' } },
    })
  })
})

t.test('uses an existing key instead of creating one, with encryptionKeyArn', async t => {
  const key = 'arn:aws:kms:us-east-1:111111111111:key/11111111-2222-3333-4444-555555555555'
  const deployment = synthesize(t, { encryption: 'customer', encryptionKeyArn: key })
  const { data, compute } = deployment
  t.strictSame(ofType(data, 'AWS::KMS::Key'), [])
  t.match(propertiesOf(data, 'AWS::Kinesis::Stream'), [{ StreamEncryption: { KeyId: key } }])
  t.match(propertiesOf(compute, 'AWS::SNS::Topic'), [{ KmsMasterKeyId: key }])
  for (const { KmsKeyId } of propertiesOf(compute, 'AWS::Logs::LogGroup')) t.equal(KmsKeyId, key)
  const uses = permissionsOf(deployment, 'Api', resolverOf(deployment)).filter(({ via }) => via !== undefined)
  t.strictSame([...new Set(uses.map(({ resource }) => resource))], [key])
})

t.test('creates no key with encryption=aws', async t => {
  each(t, plain, (t, { data, compute }) => {
    t.strictSame(ofType(data, 'AWS::KMS::Key'), [])
    t.notMatch(JSON.stringify(compute), /kms:/)
    t.match(propertiesOf(data, 'AWS::Kinesis::Stream'), [{ StreamEncryption: { KeyId: 'alias/aws/kinesis' } }])
  })
})

t.test('lets roles use the keys of existing resources, only through the services that need them', async t => {
  const existingKeyArns = [1, 2].map(id => `arn:aws:kms:us-east-1:111111111111:key/${id}`)
  const deployment = synthesize(t, {
    existingStream: 'theirs',
    existingKeyArns: existingKeyArns.join(', '),
    tracing: 'otlp',
    otlpEndpoint: 'https://collector.example.com',
    otlpHeadersSecretArn: 'arn:aws:secretsmanager:us-east-1:111111111111:secret:otlp-AbCdEf',
  })
  const uses = permissionsOf(deployment, 'Processor', resolverOf(deployment)).filter(({ action }) =>
    action.startsWith('kms:'),
  )
  t.strictSame(new Set(uses.map(({ resource }) => resource)), new Set(existingKeyArns))
  t.strictSame(
    new Set(uses.map(({ via }) => via)),
    new Set(['s3', 'dynamodb', 'kinesis', 'sqs', 'secretsmanager'].map(it => `${it}.us-east-1.amazonaws.com`)),
  )
})

const attributesOf = ({ compute }: Synthesized) =>
  propertiesOf(compute, 'AWS::ElasticLoadBalancingV2::LoadBalancer').flatMap(
    ({ LoadBalancerAttributes }) => LoadBalancerAttributes as Array<{ Key: string; Value: unknown }>,
  )

const policyOfLogs = ({ data }: Synthesized) =>
  propertiesOf(data, 'AWS::S3::BucketPolicy')
    .filter(({ Bucket }) => JSON.stringify(Bucket).includes('AccessLogs'))
    .map(policy => JSON.stringify(policy))
    .join()

t.test('delivers access logs of the load balancer with balancerLogs, and admits their delivery', async t => {
  const onFargate = ({ settings }: Synthesized) => settings.compute === 'fargate'
  each(t, regulated.filter(onFargate), (t, it) => {
    const attributes = Object.fromEntries(attributesOf(it).map(({ Key, Value }) => [Key, Value]))
    t.match(attributes, {
      'access_logs.s3.enabled': 'true',
      'access_logs.s3.bucket': { 'Fn::ImportValue': 'headgate-data:AccessLogBucket' },
      'access_logs.s3.prefix': 'balancer',
    })
    const policy = policyOfLogs(it)
    t.match(policy, '"Service":"logdelivery.elasticloadbalancing.amazonaws.com"')
    t.match(policy, '/balancer/AWSLogs/')
  })
  each(t, plain.filter(onFargate), (t, it) => {
    t.notMatch(JSON.stringify(attributesOf(it)), 'access_logs')
    t.notMatch(policyOfLogs(it), 'elasticloadbalancing')
  })
})

/** The ports that a security group of this description lets in. */
const portsInto = (compute: CloudFormation, description: string) => {
  const [[group] = []] = ofType(compute, 'AWS::EC2::SecurityGroup').filter(
    ([, { Properties }]) => Properties?.GroupDescription === description,
  )
  return propertiesOf(compute, 'AWS::EC2::SecurityGroupIngress').flatMap(({ GroupId, ToPort }) =>
    JSON.stringify(GroupId).includes(String(group)) ? [ToPort] : [],
  )
}

t.test('uses the certificate of the custom domain for TLS to the load balancer', async t => {
  const onFargate = ({ settings }: Synthesized) => settings.compute === 'fargate'
  each(t, regulated.filter(onFargate), (t, { compute, settings }) => {
    t.match(propertiesOf(compute, 'AWS::ElasticLoadBalancingV2::Listener'), [
      {
        Port: 443,
        Protocol: 'HTTPS',
        SslPolicy: /TLS13-1-2/,
        Certificates: [{ CertificateArn: everything.certificateArn }],
      },
    ])
    t.strictSame(portsInto(compute, 'The balancer of the api'), [443])
    if (settings.gateway === 'http') {
      const [integration] = propertiesOf(compute, 'AWS::ApiGatewayV2::Integration')
      t.match(integration, { TlsConfig: { ServerNameToVerify: everything.domainName } })
      return
    }
    for (const { Integration } of propertiesOf(compute, 'AWS::ApiGateway::Method')) {
      t.match(String((Integration as { Uri: unknown }).Uri), `https://${everything.domainName}:443/`)
    }
  })
  each(t, plain.filter(onFargate), (t, { compute }) => {
    t.match(propertiesOf(compute, 'AWS::ElasticLoadBalancingV2::Listener'), [{ Port: 80, Protocol: 'HTTP' }])
    t.strictSame(portsInto(compute, 'The balancer of the api'), [80])
  })
})
