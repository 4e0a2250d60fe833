import {
  CreateStreamCommand,
  IncreaseStreamRetentionPeriodCommand,
  type KinesisClient,
  ResourceInUseException,
  waitUntilStreamExists,
} from '@aws-sdk/client-kinesis'

export interface StreamSettings {
  name: string
  shards: number
  retentionHours: number
}

/** The retention period of a new stream, in hours. */
const DEFAULT_RETENTION_HOURS = 24

/** Creates a stream if it does not exist. Resolves once it is ACTIVE. */
export async function createStream(
  kinesis: KinesisClient,
  { name, shards, retentionHours }: StreamSettings,
): Promise<void> {
  const created = await create(kinesis, name, shards)
  await waitUntilStreamExists({ client: kinesis, minDelay: 0.02, maxDelay: 0.2, maxWaitTime: 15 }, { StreamName: name })
  if (!created || retentionHours <= DEFAULT_RETENTION_HOURS) return
  await kinesis.send(
    new IncreaseStreamRetentionPeriodCommand({ StreamName: name, RetentionPeriodHours: retentionHours }),
  )
}

/** Resolves to true if the stream was created, and to false if it exists. */
async function create(kinesis: KinesisClient, name: string, shards: number): Promise<boolean> {
  try {
    await kinesis.send(new CreateStreamCommand({ StreamName: name, ShardCount: shards }))
    return true
  } catch (error) {
    if (error instanceof ResourceInUseException) return false
    throw error
  }
}
