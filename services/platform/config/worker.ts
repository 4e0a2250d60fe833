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
  EMF_NAMESPACE: Type.Optional(
    Type.String({
      pattern: '^[a-zA-Z0-9._/#:-]{1,255}$',
      description:
        'The CloudWatch namespace that metrics are written to the log for, in its embedded metric format. Left out: none are.',
    }),
  ),
}

export const processorConfigSchema = Type.Object(processorProperties)

export type ProcessorConfig = Readonly<Static<typeof processorConfigSchema>>

const OUTBOX_GRACE_MS = Type.Integer({
  minimum: 0,
  maximum: 3_600_000,
  default: 30_000,
  description:
    'How old such an upload must be before the relay publishes its event, in milliseconds: the api comes first.',
})

/** The environment of the outbox relay where it is a function of its own. */
export const relayConfigSchema = Type.Object({ ...processorProperties, OUTBOX_GRACE_MS })

/** The environment of the worker container. */
export const workerConfigSchema = Type.Object({
  ...processorProperties,
  APPLICATION_NAME: Type.String({
    minLength: 3,
    maxLength: 255,
    pattern: '^[a-zA-Z0-9_.-]+$',
    default: names.application,
    description: 'The name of the consumer application, and so of its lease table.',
  }),
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
    description: 'How many uploads of one shard are processed at once, each of another partition key.',
  }),
  EMF_INTERVAL_MS: Type.Integer({
    minimum: 1_000,
    maximum: 60_000,
    default: 60_000,
    description: 'How often those metrics are written, in milliseconds. CloudWatch keeps them by the minute.',
  }),
  OUTBOX_INTERVAL_MS: Type.Integer({
    minimum: 100,
    maximum: 3_600_000,
    default: 5_000,
    description: 'How often the outbox relay looks for uploads whose event is not on the stream, in milliseconds.',
  }),
  OUTBOX_GRACE_MS,
  HEALTH_HOST: Type.String({
    minLength: 1,
    default: '0.0.0.0',
    description: 'The address the health port listens on.',
  }),
  HEALTH_PORT: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 65_535,
      description: 'The port of /livez and /readyz. Left out, the worker listens on none.',
    }),
  ),
})

export type WorkerConfig = Readonly<Static<typeof workerConfigSchema>>
