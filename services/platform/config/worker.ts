import { type Static, Type } from 'typebox'
import { names } from '../resources.ts'
import { bucketName, scannerProperty, sharedProperties } from './shared.ts'

/** The environment of the processor, in a container or a Lambda function. */
export const processorProperties = {
  ...sharedProperties,
  PROCESSED_BUCKET: Type.String({
    ...bucketName,
    description: 'The bucket for processed objects and dead letters.',
  }),
  GIVE_UP_AFTER_HOURS: Type.Integer({
    minimum: 0,
    maximum: 8_760,
    default: 20,
    description:
      'Maximum age, in hours, of a record that keeps failing with retryable errors. Older records are dead-lettered. Keep it below the retention of the stream. 0: no maximum.',
  }),
  TRANSFORMS: Type.Optional(
    Type.String({
      maxLength: 100_000,
      description:
        'The rules that choose a transform for each upload: JSON, or the path of a JSON file. Unset: images become thumbnails, CSV becomes JSON, text becomes upper case, and all other files get a manifest with digests.',
    }),
  ),
  NOTIFICATIONS: Type.Optional(
    Type.String({
      maxLength: 100_000,
      description:
        'The destinations that are notified when an upload is processed or has failed: JSON, or the path of a JSON file. Unset: none besides WEBHOOK_URL.',
    }),
  ),
  WEBHOOK_URL: Type.Optional(
    Type.String({
      format: 'webhook-url',
      description:
        'A URL that is notified of every upload, as the destination `webhook` besides those of NOTIFICATIONS. May be secret.',
    }),
  ),
  WEBHOOK_SECRET: Type.Optional(
    Type.String({
      format: 'webhook-secrets',
      description:
        'The secrets that notifications to WEBHOOK_URL are signed with, each as `whsec_…`, separated by spaces. Required with WEBHOOK_URL. `npm start` makes one if it is unset.',
    }),
  ),
  NOTIFICATIONS_ALLOW_ADDRESSES: Type.String({
    format: 'address-ranges',
    default: '',
    description:
      'The private addresses that webhooks may be sent to, as comma-separated addresses or CIDR ranges. Only these may be reached by plain http. Empty: only public addresses, by https.',
  }),
  ...scannerProperty,
  CLAMD_URL: Type.Optional(
    Type.String({
      format: 'clamd-url',
      description:
        'The address of clamd: `tcp://host:port`, or `unix:///path` for a socket. Required with SCANNER=clamd.',
    }),
  ),
  CLAMD_TIMEOUT_MS: Type.Integer({
    minimum: 1_000,
    maximum: 3_600_000,
    default: 150_000,
    description:
      'How long clamd may make no progress with a file, in milliseconds. Keep it above MaxScanTime of clamd, which is 120 s by default.',
  }),
  CLAMD_MAX_CONNECTIONS: Type.Integer({
    minimum: 1,
    maximum: 1_000,
    default: 8,
    description:
      'Maximum number of files that a worker scans by clamd at a time. Keep the sum over all workers below MaxThreads of clamd, which is 10 by default.',
  }),
  CLAMD_MAX_BYTES: Type.Integer({
    minimum: 1,
    maximum: 4_294_967_295,
    default: 26_214_400,
    description:
      'The largest file that is sent to clamd, in bytes. Larger files fail, because clamd reports the part of a file beyond its own limits as clean. Keep it at or below StreamMaxLength, MaxFileSize and MaxScanSize of clamd. The default is 25 MiB, which is the lowest default of clamd.',
  }),
  APPLICATION_NAME: Type.String({
    minLength: 3,
    maxLength: 255,
    pattern: '^[a-zA-Z0-9_.-]+$',
    default: names.application,
    description:
      'The name of the consumer application, which is also the name of its lease table and a dimension of its metrics.',
  }),
  METRICS_NAMESPACE: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      pattern: '^[a-zA-Z0-9_./#:-]+$',
      description:
        'The CloudWatch namespace of the metrics (TimeToDrain, DeadLetters and others), which the worker logs in the embedded metric format. Unset: no metrics are logged.',
    }),
  ),
}

export const processorConfigSchema = Type.Object(processorProperties)

export type ProcessorConfig = Readonly<Static<typeof processorConfigSchema>>

const relayProperties = {
  OUTBOX_GRACE_MS: Type.Integer({
    minimum: 0,
    maximum: 3_600_000,
    default: 30_000,
    description:
      'Minimum age, in milliseconds, of an upload whose event the outbox relay publishes. The api may still publish the event of a younger upload.',
  }),
}

/** The environment of the outbox relay as a scheduled Lambda function. */
export const relayConfigSchema = Type.Object({ ...processorProperties, ...relayProperties })

const orphansProperties = {
  STRAY_AFTER_HOURS: Type.Integer({
    minimum: 2,
    maximum: 10_000,
    default: 25,
    description:
      'Age, in hours, after which an abandoned object in UPLOAD_BUCKET is republished or deleted. Keep it above the retention of the stream and above REQUEST_TIMEOUT_MS of the api.',
  }),
}

/** The environment of the orphan sweep as a scheduled Lambda function. */
export const orphansConfigSchema = Type.Object({ ...processorProperties, ...orphansProperties })

/** The environment of the worker container. */
export const workerConfigSchema = Type.Object({
  ...processorProperties,
  WORKER_ID: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 128,
      description: 'The name of this worker in the lease table. No two workers may share a name. Unset: a random name.',
    }),
  ),
  FAILOVER_TIME_MS: Type.Integer({
    minimum: 1_000,
    maximum: 300_000,
    default: 10_000,
    description: 'How long a lease can go without renewal before another worker takes it, in milliseconds.',
  }),
  SHARD_CONCURRENCY: Type.Integer({
    minimum: 1,
    maximum: 1_000,
    default: 16,
    description:
      'Maximum number of uploads of a shard that are processed concurrently. Uploads with the same partition key are processed one after the other. An upload that waits for memory or for a process, or that takes more than 500 ms, does not count. One owner can use at most three quarters of this number.',
  }),
  OUTBOX_INTERVAL_MS: Type.Integer({
    minimum: 100,
    maximum: 3_600_000,
    default: 5_000,
    description: 'How often the outbox relay looks for uploads whose event is not on the stream, in milliseconds.',
  }),
  ...relayProperties,
  ...orphansProperties,
  HEALTH_HOST: Type.String({
    minLength: 1,
    default: '0.0.0.0',
    description: 'The address that the health port listens on.',
  }),
  HEALTH_PORT: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 65_535,
      description: 'The port that serves /metrics (Prometheus), /livez and /readyz. Unset: no health port.',
    }),
  ),
  STUCK_AFTER_MS: Type.Integer({
    minimum: 1_000,
    maximum: 86_400_000,
    default: 300_000,
    description:
      'How long a shard can make no progress while records wait before /readyz reports it, in milliseconds. /livez fails if the worker has had no activity for twelve times as long. Keep it above the processing time of your largest upload.',
  }),
})

export type WorkerConfig = Readonly<Static<typeof workerConfigSchema>>
