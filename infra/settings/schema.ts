import { type Static, Type } from 'typebox'
import { names, stream } from '../../services/platform/resources.ts'

const count = (description: string, minimum: number, maximum: number, value: number) =>
  Type.Integer({ description, minimum, maximum, default: value })

const flag = (description: string, value: boolean) => Type.Boolean({ description, default: value })

/** Days that a log group of CloudWatch may keep its lines. */
const LOG_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
]

/** What an operator may set, as the context of the CDK app: `npx cdk deploy -c compute=fargate -c shards=8`. */
export const settingsSchema = Type.Object(
  {
    preset: Type.Enum(['dev', 'prod'], { default: 'dev', description: 'The defaults that the others begin from.' }),
    name: Type.String({
      pattern: '^[a-z][a-z0-9-]{1,30}[a-z0-9]$',
      default: 'headgate',
      description: 'Of this deployment: its stacks are named by it. With another than `headgate`, its resources too.',
    }),
    compute: Type.Enum(['lambda', 'fargate'], { default: 'lambda', description: 'What runs the api and the worker.' }),
    gateway: Type.Enum(['http', 'rest'], { default: 'http', description: 'Which API of API Gateway is in front.' }),

    streamMode: Type.Enum(['provisioned', 'on-demand'], {
      default: 'provisioned',
      description: 'Shards by number, or as many as AWS finds right.',
    }),
    existingStream: Type.Optional(
      Type.String({ pattern: '^[a-zA-Z0-9_.-]{1,128}$', description: 'Reads and writes this stream, and makes none.' }),
    ),
    existingLeaseTable: Type.Optional(
      Type.String({
        pattern: '^[a-zA-Z0-9_.-]{3,255}$',
        description: 'Goes on from the leases of this table, as those of a KCL application, and makes none.',
      }),
    ),
    shards: count('Of a provisioned stream.', 1, 500, stream.shards),
    retentionHours: count('How long the stream keeps its records.', 24, 8_760, stream.retentionHours),
    expireUploadsDays: count('After so many days an upload’s own object goes. 0: never.', 0, 36_500, 0),
    expireProcessedDays: count('After so many days a processed object goes. 0: never.', 0, 36_500, 0),
    noncurrentDays: count('How long the versions of deleted and overwritten objects are kept.', 1, 3_650, 30),
    keepData: flag('Whether buckets, tables, stream and user pool outlive their stack.', false),
    corsOrigins: Type.String({
      default: '',
      description: 'Origins whose pages may call the api and read from the buckets, comma-separated.',
    }),
    flatKeys: flag('Whether an upload’s key is its name alone, so that later ones of the name overwrite it.', false),
    otherProducers: flag('Whether the worker may read and write what did not come by the api.', false),

    mfa: Type.Enum(['off', 'optional', 'required'], {
      default: 'off',
      description: 'Second factor of users, by TOTP.',
    }),
    userPoolDomain: Type.Optional(
      Type.String({
        pattern: '^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$',
        description: 'Prefix of the hosted sign-in pages. Left out: there are none.',
      }),
    ),
    callbackUrls: Type.String({
      default: '',
      description: 'Where the hosted pages send people back to, comma-separated. Needed by `userPoolDomain`.',
    }),
    selfSignUp: flag('Whether people may sign up by themselves.', false),
    domainName: Type.Optional(
      Type.String({ minLength: 4, maxLength: 253, description: 'The api’s own domain. Needs `certificateArn`.' }),
    ),
    certificateArn: Type.Optional(
      Type.String({ pattern: '^arn:aws[a-z-]*:acm:', description: 'Of ACM, in the region of the stack.' }),
    ),
    restLogRole: flag(
      'With `gateway=rest`: makes the role by which API Gateway logs, one an account and region.',
      true,
    ),

    architecture: Type.Enum(['x86_64', 'arm64'], {
      default: 'x86_64',
      description: 'What the image is built for. Building for another than this machine’s needs emulation.',
    }),
    logDays: Type.Enum(LOG_DAYS, { default: 30, description: 'How long logs are kept.' }),
    logLevel: Type.Enum(['error', 'warn', 'info', 'debug'], { default: 'info', description: 'Of api and worker.' }),
    tracing: Type.Enum(['off', 'xray', 'otlp'], {
      default: 'off',
      description:
        'Where traces go. `xray`: the spans of the code, and the segments of functions and of a REST API. `otlp`: the spans, to `otlpEndpoint`.',
    }),
    otlpEndpoint: Type.Optional(
      Type.String({
        pattern: '^https?://[^\\s/?#@]+(?:/[^\\s?#]*)?$',
        description: 'With `tracing=otlp`: where OTLP is taken over HTTP, without the `/v1/traces` behind it.',
      }),
    ),
    otlpHeadersSecretArn: Type.Optional(
      Type.String({
        pattern: '^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\\d{12}:secret:.+-[A-Za-z0-9]{6}$',
        description: 'With `tracing=otlp`: the whole ARN of the secret that has the headers, as `api-key=…`.',
      }),
    ),
    tracePercent: count('Of the traces that no caller has begun, how many are exported.', 0, 100, 100),
    apiEnvironment: Type.Record(Type.String(), Type.String(), {
      default: {},
      description: 'More environment variables of the api, as JSON.',
    }),
    workerEnvironment: Type.Record(Type.String(), Type.String(), {
      default: {},
      description: 'More environment variables of the worker, as JSON.',
    }),

    functionMiB: count('Memory of the api’s function, and with it its share of CPU.', 256, 10_240, 1_024),
    processorMiB: count('Memory of the processor’s function.', 512, 10_240, 1_024),
    processorSeconds: count('How long a batch may take.', 60, 900, 300),
    batchSize: count('Records that the processor gets at once at most.', 1, 10_000, 100),
    batchWindowSeconds: count('How long records are gathered.', 0, 300, 1),
    parallelization: count('Batches of a shard under way at once, in order for each partition key.', 1, 10, 1),
    apiConcurrency: count('Reserved concurrency of the api’s function. 0: none is.', 0, 10_000, 0),
    processorConcurrency: count('Reserved concurrency of the processor. 0: none is.', 0, 10_000, 0),

    apiCpu: Type.Enum([256, 512, 1024, 2048, 4096], { default: 512, description: 'Of an api task: 1024 is a core.' }),
    apiMiB: count('Memory of an api task.', 1_024, 30_720, 1_024),
    apiTasksMin: count('Api tasks at least.', 1, 1_000, 1),
    apiTasksMax: count('Api tasks at most.', 1, 1_000, 4),
    workerCpu: Type.Enum([256, 512, 1024, 2048, 4096], { default: 512, description: 'Of a worker task.' }),
    workerMiB: count('Memory of a worker task.', 1_024, 30_720, 1_024),
    workerTasksMin: count('Worker tasks at least.', 1, 500, 1),
    workerTasksMax: count('Worker tasks at most. More than shards would sit idle.', 1, 500, 4),
    stopSeconds: count('How long a task has to stop before it is killed.', 20, 120, 60),
    availabilityZones: Type.String({
      pattern: '^(?:[a-z0-9-]+ *, *[a-z0-9-]+)?$',
      default: '',
      description:
        'With `compute=fargate`: the two zones that it is in, comma-separated. Left out: the first two of the region, of which links of API Gateway may not have one.',
    }),
    natGateways: count('One for each availability zone outlives the loss of one.', 1, 2, 1),

    alarmEmail: Type.Optional(
      Type.String({ pattern: '^[^@\\s]+@[^@\\s]+$', description: 'Who is written to about alarms.' }),
    ),
    drainSeconds: count('Worker tasks are added while what waits would take longer.', 10, 3_600, 60),
    maxAgeSeconds: count('Alarm: how old the oldest record that is not read yet may get.', 60, 86_400, 300),
    maxOutboxSeconds: count('Alarm: how long an event may wait in the outbox.', 120, 86_400, 600),
    monthlyBudgetUsd: count('A budget that writes at 80 % and 100 %. 0: none.', 0, 10_000_000, 0),
    costAnomalyUsd: count(
      'Writes when AWS sees costs that are out of line by so much. 0: does not look.',
      0,
      10_000_000,
      0,
    ),
    costMonitorArn: Type.Optional(
      Type.String({
        pattern: '^arn:aws[a-z-]*:ce::\\d{12}:anomalymonitor/[0-9a-f-]{36}$',
        description:
          'For `costAnomalyUsd`: the monitor of all services that the account has already, of which AWS allows one. Left out, it is made.',
      }),
    ),
  },
  { additionalProperties: false },
)

export type Settings = Readonly<Static<typeof settingsSchema>>

/** The names of what has one: those that everything defaults to, or with the deployment's own in front. */
export function resourceNames(settings: Pick<Settings, 'name' | 'existingStream' | 'existingLeaseTable'>) {
  const { name, existingStream, existingLeaseTable } = settings
  const own = (it: string) => (name === 'headgate' ? it : `${name}-${it}`)
  return {
    stream: existingStream ?? own(names.stream),
    uploadsTable: own(names.uploadsTable),
    /** Of the consumer application, which is that of its lease table. */
    application: existingLeaseTable ?? own(names.application),
    userPool: own(names.userPool),
    userPoolClient: own(names.userPoolClient),
    metrics: `Headgate/${name}`,
  }
}
