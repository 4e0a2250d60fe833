import { type Static, Type } from 'typebox'
import { names } from '../resources.ts'
import { bucketName, sharedProperties } from './shared.ts'

/** What the processor needs, whether a container or a Lambda function runs it. */
export const processorProperties = {
  ...sharedProperties,
  PROCESSED_BUCKET: Type.String({
    ...bucketName,
    description: 'The bucket that processed objects and dead letters are written to.',
  }),
  GIVE_UP_AFTER_HOURS: Type.Integer({
    minimum: 0,
    maximum: 8_760,
    default: 20,
    description:
      'How old a record may be that trouble keeps from being processed before it becomes a dead letter, in hours. Keep it under the retention of the stream, which forgets it. 0: never.',
  }),
  TRANSFORMS: Type.Optional(
    Type.String({
      maxLength: 100_000,
      description:
        'Which uploads which transform has: rules as JSON, or the path of a file with them. Left out: images get thumbnails, CSV becomes JSON, text upper case, and everything else a manifest.',
    }),
  ),
  APPLICATION_NAME: Type.String({
    minLength: 3,
    maxLength: 255,
    pattern: '^[a-zA-Z0-9_.-]+$',
    default: names.application,
    description: 'The name of the consumer application: of its lease table, where it has one, and of its metrics.',
  }),
  METRICS_NAMESPACE: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      pattern: '^[a-zA-Z0-9_./#:-]+$',
      description:
        'The CloudWatch namespace of the metrics to scale by and to watch (TimeToDrain, DeadLetters and others), which are logged in the embedded metric format. Left out, they are not.',
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
      'How old such an upload must be before the relay publishes its event, in milliseconds: the api comes first.',
  }),
}

/** The environment of the outbox relay where a schedule runs it. */
export const relayConfigSchema = Type.Object({ ...processorProperties, ...relayProperties })

const straysProperties = {
  STRAY_AFTER_HOURS: Type.Integer({
    minimum: 2,
    maximum: 10_000,
    default: 25,
    description:
      'How old something in UPLOAD_BUCKET that nobody goes on with must be until it is published again or removed, in hours. Keep it over the retention of the stream and over REQUEST_TIMEOUT_MS of the api.',
  }),
}

/** The environment of the sweep of strays where a schedule runs it. */
export const straysConfigSchema = Type.Object({ ...processorProperties, ...straysProperties })

/** The environment of the worker container. */
export const workerConfigSchema = Type.Object({
  ...processorProperties,
  WORKER_ID: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 128,
      description:
        'The name of this worker in the lease table, never shared by two. Left out, it is made up at the start.',
    }),
  ),
  FAILOVER_TIME_MS: Type.Integer({
    minimum: 1_000,
    maximum: 300_000,
    default: 10_000,
    description: 'How long a lease may go without a renewal before another worker takes it, in milliseconds.',
  }),
  SHARD_CONCURRENCY: Type.Integer({
    minimum: 1,
    maximum: 1_000,
    default: 16,
    description:
      'Places of a shard for uploads that are processed at once, each of another partition key. An upload that waits or takes over 500 ms gives its place to another one. One owner has at most three quarters of the places.',
  }),
  OUTBOX_INTERVAL_MS: Type.Integer({
    minimum: 100,
    maximum: 3_600_000,
    default: 5_000,
    description: 'How often the outbox relay looks for uploads whose event is not on the stream, in milliseconds.',
  }),
  ...relayProperties,
  ...straysProperties,
  HEALTH_HOST: Type.String({
    minLength: 1,
    default: '0.0.0.0',
    description: 'The address the health port listens on.',
  }),
  HEALTH_PORT: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 65_535,
      description: 'The port of /metrics (Prometheus), /livez and /readyz. Left out, the worker listens on none.',
    }),
  ),
  STUCK_AFTER_MS: Type.Integer({
    minimum: 1_000,
    maximum: 86_400_000,
    default: 300_000,
    description:
      'How long a shard may stand still while records wait until /readyz says so, in milliseconds. /livez says so after twelve times as long without any sign of life. Keep it over what your largest upload takes.',
  }),
})

export type WorkerConfig = Readonly<Static<typeof workerConfigSchema>>
