import { type Static, Type } from 'typebox'
import { names, stream } from '../../services/platform/resources.ts'

const count = (description: string, minimum: number, maximum: number, value: number) =>
  Type.Integer({ description, minimum, maximum, default: value })

const flag = (description: string, value: boolean) => Type.Boolean({ description, default: value })

/** The retention periods, in days, that CloudWatch allows for a log group. */
const LOG_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
]

/** The settings of a deployment, given as context of the CDK app: `npx cdk deploy -c compute=fargate -c shards=8`. */
export const settingsSchema = Type.Object(
  {
    preset: Type.Enum(['dev', 'prod', 'regulated'], {
      default: 'dev',
      description: 'Which defaults the other settings have.',
    }),
    name: Type.String({
      pattern: '^[a-z][a-z0-9-]{1,30}[a-z0-9]$',
      default: 'headgate',
      description:
        'Name of the deployment, which prefixes its stacks. Unless it is `headgate`, it prefixes resources too.',
    }),
    compute: Type.Enum(['lambda', 'fargate'], { default: 'lambda', description: 'What runs the api and the worker.' }),
    gateway: Type.Enum(['http', 'rest'], { default: 'http', description: 'Type of the API in API Gateway.' }),

    streamMode: Type.Enum(['provisioned', 'on-demand'], {
      default: 'provisioned',
      description: 'Capacity mode of the stream: a fixed number of shards, or scaled by AWS.',
    }),
    recordDistribution: Type.Enum(['by-key', 'auto'], {
      default: 'by-key',
      description:
        'How Kinesis chooses the shard of a record: by its partition key, or by itself, so that no shard is hot. `auto` needs `streamMode=on-demand`.',
    }),
    existingStream: Type.Optional(
      Type.String({
        pattern: '^[a-zA-Z0-9_.-]{1,128}$',
        description: 'Name of a stream to use instead of creating one.',
      }),
    ),
    existingLeaseTable: Type.Optional(
      Type.String({
        pattern: '^[a-zA-Z0-9_.-]{3,255}$',
        description:
          'Name of a lease table to continue from, such as that of a KCL application, instead of creating one.',
      }),
    ),
    existingKeyArns: Type.String({
      pattern: '^(?: *arn:aws[a-z-]*:kms:[a-z0-9-]+:\\d{12}:key/[a-zA-Z0-9-]+ *(?:,|$))*$',
      default: '',
      description:
        'KMS keys, by ARN and comma-separated, that encrypt an existing stream, lease table, secret or older objects. The roles may use them.',
    }),
    shards: count('Number of shards of a provisioned stream.', 1, 500, stream.shards),
    retentionHours: count('Hours that the stream keeps its records.', 24, 8_760, stream.retentionHours),
    expireUploadsDays: count('Age in days at which uploaded objects expire. 0: never.', 0, 36_500, 0),
    expireProcessedDays: count('Age in days at which processed objects expire. 0: never.', 0, 36_500, 0),
    noncurrentDays: count('Days that versions of deleted and overwritten objects are kept.', 1, 3_650, 30),
    keepData: flag('Keeps buckets, tables, stream, user pool and key when their stack is deleted.', false),
    encryption: Type.Enum(['aws', 'customer'], {
      default: 'aws',
      description:
        'Keys for encryption at rest. `aws`: those that AWS owns or manages. `customer`: a KMS key of this account, created for buckets, tables, stream, queue, logs and alarms.',
    }),
    encryptionKeyArn: Type.Optional(
      Type.String({
        pattern: '^arn:aws[a-z-]*:kms:[a-z0-9-]+:\\d{12}:key/[a-zA-Z0-9-]+$',
        description:
          'With `encryption=customer`: an existing KMS key to use instead of creating one. Its policy has to admit CloudWatch Logs and CloudWatch.',
      }),
    ),
    corsOrigins: Type.String({
      default: '',
      description: 'Origins, comma-separated, whose pages may call the api and read from the buckets.',
    }),
    flatKeys: flag('Uses the file name alone as the object key, so that later uploads of a name overwrite it.', false),
    otherProducers: flag('Lets the worker read and write objects that other producers uploaded.', false),

    mfa: Type.Enum(['off', 'optional', 'required'], {
      default: 'off',
      description: 'Second factor of users, by TOTP.',
    }),
    userPoolDomain: Type.Optional(
      Type.String({
        pattern: '^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$',
        description: 'Domain prefix of Cognito’s sign-in pages. Left out, there are none. Needs `callbackUrls`.',
      }),
    ),
    callbackUrls: Type.String({
      default: '',
      description: 'URLs, comma-separated, that the sign-in pages return to. Needs `userPoolDomain`.',
    }),
    logoutUrls: Type.String({
      default: '',
      description: 'URLs, comma-separated, that a sign-out may return to. Needs `userPoolDomain`.',
    }),
    selfSignUp: flag('Lets people sign up by themselves.', false),
    domainName: Type.Optional(
      Type.String({ minLength: 4, maxLength: 253, description: 'Custom domain of the api. Needs `certificateArn`.' }),
    ),
    certificateArn: Type.Optional(
      Type.String({
        pattern: '^arn:aws[a-z-]*:acm:',
        description:
          'Certificate for `domainName`, from ACM in the region of the stack. On Fargate the load balancer uses it too.',
      }),
    ),
    restLogRole: flag(
      'With `gateway=rest`: creates the role that API Gateway logs with. An account has one in each region.',
      true,
    ),

    architecture: Type.Enum(['x86_64', 'arm64'], {
      default: 'x86_64',
      description: 'CPU architecture of the image. Building for another than this machine’s needs emulation.',
    }),
    logDays: Type.Enum(LOG_DAYS, {
      default: 30,
      description: 'Days that logs are kept. Access logs in S3 are kept at least 90 days.',
    }),
    logLevel: Type.Enum(['error', 'warn', 'info', 'debug'], {
      default: 'info',
      description: 'Least severe level that api and worker log.',
    }),
    balancerLogs: flag(
      'With `compute=fargate`: delivers the load balancer’s access logs to S3. They have the file names of uploads.',
      false,
    ),
    tracing: Type.Enum(['off', 'xray', 'otlp'], {
      default: 'off',
      description:
        'Where traces are sent. `xray`: spans of the processes, and segments of functions and of a REST API. `otlp`: spans, to `otlpEndpoint`.',
    }),
    otlpEndpoint: Type.Optional(
      Type.String({
        pattern: '^https?://[^\\s/?#@]+(?:/[^\\s?#]*)?$',
        description: 'With `tracing=otlp`: endpoint for OTLP over HTTP, without the path `/v1/traces`.',
      }),
    ),
    otlpHeadersSecretArn: Type.Optional(
      Type.String({
        pattern: '^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\\d{12}:secret:.+-[A-Za-z0-9]{6}$',
        description: 'With `tracing=otlp`: full ARN of the secret with the request headers, as `api-key=…`.',
      }),
    ),
    tracePercent: count('Percentage exported of the traces that no caller began.', 0, 100, 100),
    apiEnvironment: Type.Record(Type.String(), Type.String(), {
      default: {},
      description: 'Further environment variables of the api, as JSON.',
    }),
    workerEnvironment: Type.Record(Type.String(), Type.String(), {
      default: {},
      description: 'Further environment variables of the worker, as JSON.',
    }),

    notifications: Type.Array(
      Type.Object({
        name: Type.String(),
        webhook: Type.Optional(Type.String({ pattern: '^https?://' })),
        secrets: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
        eventBus: Type.Optional(Type.String({ pattern: '^(?:arn:aws[a-z-]*:events:.+:event-bus/)?[/.A-Za-z0-9_-]+$' })),
      }),
      {
        default: [],
        description:
          'Destinations that are notified of processed and failed uploads, as JSON. Secrets are full ARNs of secrets in Secrets Manager.',
      },
    ),
    notificationsAllowAddresses: Type.String({
      default: '',
      description: 'Private addresses that webhooks may reach, as comma-separated addresses or CIDR ranges.',
    }),

    scanner: Type.Enum(['none', 'clamd', 'guardduty'], {
      default: 'none',
      description:
        'What scans uploads for malware. `guardduty`: Malware Protection for S3, which this app sets up. `clamd`: a clamd at `clamdUrl`, with `compute=fargate`.',
    }),
    clamdUrl: Type.Optional(
      Type.String({
        pattern: '^tcp://[^\\s/:@]+:\\d{1,5}$',
        description: 'With `scanner=clamd`: the address of clamd, such as `tcp://clamd.internal:3310`.',
      }),
    ),
    functionMiB: count('Memory of the api’s function in MiB, which also determines its CPU.', 256, 10_240, 1_024),
    processorMiB: count('Memory of the processor’s function in MiB.', 512, 10_240, 1_024),
    processorSeconds: count('Timeout of the processor for a batch, in seconds.', 60, 900, 300),
    batchSize: count('Maximum number of records in a batch.', 1, 10_000, 100),
    batchWindowSeconds: count('Maximum seconds to wait for a batch to fill.', 0, 300, 1),
    parallelization: count('Batches of a shard in flight at once, in order for each partition key.', 1, 10, 1),
    apiConcurrency: count('Reserved concurrency of the api’s function. 0: none.', 0, 10_000, 0),
    processorConcurrency: count('Reserved concurrency of the processor. 0: none.', 0, 10_000, 0),

    apiCpu: Type.Enum([256, 512, 1024, 2048, 4096], {
      default: 512,
      description: 'CPU units of an api task. 1024 units are a vCPU.',
    }),
    apiMiB: count('Memory of an api task in MiB.', 1_024, 30_720, 1_024),
    apiTasksMin: count('Minimum number of api tasks.', 1, 1_000, 1),
    apiTasksMax: count('Maximum number of api tasks.', 1, 1_000, 4),
    workerCpu: Type.Enum([256, 512, 1024, 2048, 4096], { default: 512, description: 'CPU units of a worker task.' }),
    workerMiB: count('Memory of a worker task in MiB.', 1_024, 30_720, 1_024),
    workerTasksMin: count('Minimum number of worker tasks.', 1, 500, 1),
    workerTasksMax: count('Maximum number of worker tasks. Tasks beyond the number of shards are idle.', 1, 500, 4),
    stopSeconds: count('Seconds that a task has to stop before it is killed.', 20, 120, 60),
    availabilityZones: Type.String({
      pattern: '^(?:[a-z0-9-]+ *, *[a-z0-9-]+)?$',
      default: '',
      description:
        'With `compute=fargate`: two availability zones, comma-separated. Left out: the first two of the region, one of which API Gateway’s VPC links may not support.',
    }),
    natGateways: count('Number of NAT gateways. Two survive the loss of an availability zone.', 1, 2, 1),

    alarmEmail: Type.Optional(
      Type.String({ pattern: '^[^@\\s]+@[^@\\s]+$', description: 'Email address that alarms are sent to.' }),
    ),
    drainSeconds: count('Time to drain the backlog, in seconds, above which worker tasks are added.', 10, 3_600, 60),
    maxAgeSeconds: count('Alarm threshold: age in seconds of the oldest record that is not read.', 60, 86_400, 300),
    maxOutboxSeconds: count('Alarm threshold: seconds that an event waits in the outbox.', 120, 86_400, 600),
    maxNotificationSeconds: count(
      'With `notifications`: alarm threshold, in seconds, by which an attempt to notify is late.',
      120,
      86_400,
      600,
    ),
    maxScanSeconds: count(
      'With `scanner=guardduty`: alarm threshold, in seconds, for the age of an upload without a verdict.',
      120,
      86_400,
      1_800,
    ),
    monthlyBudgetUsd: count(
      'Monthly budget in dollars, with emails at 80 % and 100 % of it. 0: none.',
      0,
      10_000_000,
      0,
    ),
    costAnomalyUsd: count(
      'Sends an email about cost anomalies of this many dollars or more. 0: none.',
      0,
      10_000_000,
      0,
    ),
    costMonitorArn: Type.Optional(
      Type.String({
        pattern: '^arn:aws[a-z-]*:ce::\\d{12}:anomalymonitor/[0-9a-f-]{36}$',
        description:
          'With `costAnomalyUsd`: the account’s existing monitor of all services, of which AWS allows one. Left out, one is created.',
      }),
    ),
  },
  { additionalProperties: false },
)

export type Settings = Readonly<Static<typeof settingsSchema>>

/** Returns the names of named resources: the defaults of the processes, or those prefixed with the deployment's name. */
export function resourceNames(settings: Pick<Settings, 'name' | 'existingStream' | 'existingLeaseTable'>) {
  const { name, existingStream, existingLeaseTable } = settings
  const own = (it: string) => (name === 'headgate' ? it : `${name}-${it}`)
  return {
    stream: existingStream ?? own(names.stream),
    uploadsTable: own(names.uploadsTable),
    /** The name of the consumer application, which is also the name of its lease table. */
    application: existingLeaseTable ?? own(names.application),
    userPool: own(names.userPool),
    userPoolClient: own(names.userPoolClient),
    metrics: `Headgate/${name}`,
    keyAlias: `alias/${name}`,
  }
}
