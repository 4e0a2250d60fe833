import { DescribeTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { DescribeStreamSummaryCommand, type KinesisClient } from '@aws-sdk/client-kinesis'
import { HeadBucketCommand, type S3Client } from '@aws-sdk/client-s3'

export type CheckResult = 'ok' | 'unreachable'

export interface Readiness {
  /** True if uploads can be accepted. */
  ready: boolean
  checks: { bucket: CheckResult; table: CheckResult; stream: CheckResult }
}

declare module 'fastify' {
  interface FastifyInstance {
    readiness(): Promise<Readiness>
  }
}

export interface ReadinessSettings {
  s3: S3Client
  dynamodb: DynamoDBClient
  kinesis: KinesisClient
  bucket: string
  table: string
  stream: string
  /** Timeout of a check, in milliseconds. @default 2,000 */
  timeoutMs?: number
  /** How long a result is cached, in milliseconds, because probes are frequent and each check is a request to AWS. @default 3,000 */
  cacheMs?: number
  now?: () => number
  log: { warn(details: object, message: string): void }
}

/**
 * Creates the readiness check. Without the bucket or the table no upload can be accepted. Without the stream uploads are still
 * accepted, because the outbox keeps their events, so an outage of Kinesis does not take the api out of service.
 */
export function createReadiness(settings: ReadinessSettings): () => Promise<Readiness> {
  const { s3, dynamodb, kinesis, bucket, table, stream, log } = settings
  const { timeoutMs = 2_000, cacheMs = 3_000, now = () => performance.now() } = settings
  let last: { result: Promise<Readiness>; until: number } | undefined

  async function check(name: string, ask: (signal: AbortSignal) => Promise<unknown>): Promise<CheckResult> {
    try {
      await ask(AbortSignal.timeout(timeoutMs))
      return 'ok'
    } catch (err) {
      log.warn({ err, check: name }, 'a readiness check failed')
      return 'unreachable'
    }
  }

  async function checkAll(): Promise<Readiness> {
    const [bucketCheck, tableCheck, streamCheck] = await Promise.all([
      check('bucket', abortSignal => s3.send(new HeadBucketCommand({ Bucket: bucket }), { abortSignal })),
      check('table', abortSignal => dynamodb.send(new DescribeTableCommand({ TableName: table }), { abortSignal })),
      check('stream', abortSignal =>
        kinesis.send(new DescribeStreamSummaryCommand({ StreamName: stream }), { abortSignal }),
      ),
    ])
    const checks = { bucket: bucketCheck, table: tableCheck, stream: streamCheck }
    return { ready: bucketCheck === 'ok' && tableCheck === 'ok', checks }
  }

  return () => {
    if (!last || now() >= last.until) last = { result: checkAll(), until: now() + timeoutMs + cacheMs }
    return last.result
  }
}
