import { GetRecordsCommand, GetShardIteratorCommand, ListShardsCommand } from '@aws-sdk/client-kinesis'
import { GetObjectCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import { buildImage, dockerMissing } from '../../bench/lambda/docker.ts'
import { type LambdaFunction, startFunction } from '../../bench/lambda/function.ts'
import { httpUpload } from '../../image/upload-event.ts'
import { eventually } from '../api/support.ts'
import { startAws, type TestAws } from '../support/aws.ts'
import { kinesisEvent } from '../worker/kinesis-event.ts'

const skip = (await dockerMissing()) ?? false

t.test("the image's two functions take an upload through, under AWS's runtime client", { skip }, async t => {
  const image = await buildImage('runtime')
  const aws = await startAws(t)
  const { idToken } = await aws.signIn()
  const start = async (handler: string) => {
    const lambda = await startFunction({ image, handler, env: { ...aws.env, LOG_LEVEL: 'warn' } })
    t.teardown(() => lambda.stop())
    return lambda
  }
  const api = await start('dist/services/api/lambda.handler')
  const cold = await timed(t, 'api', api, () => api.invoke<Answer>(httpUpload(idToken)))
  t.equal(cold.statusCode, 200, cold.body)
  const refused = await api.invoke<Answer>(httpUpload('no token'))
  t.equal(refused.statusCode, 401, 'and refuses without a token, in the same environment')

  const processor = await start('dist/services/worker/lambda.handler')
  const records = await recordsOf(aws)
  t.equal(records.length, 1, 'the event is on the stream')
  const done = await timed(t, 'processor', processor, () => processor.invoke(kinesisEvent(records)))
  t.strictSame(done, { batchItemFailures: [] })

  const { uploadId } = JSON.parse(cold.body) as { uploadId: string }
  const shown = await api.invoke<Answer>({ ...httpUpload(idToken), ...getting(`/uploads/${uploadId}`) })
  const upload = JSON.parse(shown.body) as { status: string; processed: { bucket: string; key: string } }
  t.equal(upload.status, 'processed', shown.body)
  const { Body } = await aws.s3.send(
    new GetObjectCommand({ Bucket: upload.processed.bucket, Key: upload.processed.key }),
  )
  t.equal(await Body?.transformToString(), 'HELLO KINESIS')
})

t.test('a function that cannot be configured says so to Lambda, by variable', { skip }, async t => {
  const image = await buildImage('runtime')
  const starting = startFunction({
    image,
    handler: 'dist/services/api/lambda.handler',
    env: { AWS_REGION: 'us-east-1' },
  })
  await t.rejects(starting, { name: 'InvocationError', message: /UPLOAD_BUCKET[\s\S]*COGNITO_CLIENT_ID/ })
})

interface Answer {
  statusCode: number
  body: string
}

function getting(path: string) {
  const { requestContext } = httpUpload('')
  return {
    rawPath: path,
    body: undefined,
    requestContext: { ...requestContext, http: { ...requestContext.http, method: 'GET', path } },
  }
}

async function timed<T>(
  t: { comment(text: string): void },
  name: string,
  { init, cpuMs }: LambdaFunction,
  first: () => Promise<T>,
): Promise<T> {
  const startedAt = performance.now()
  const answer = await first()
  const ms = performance.now() - startedAt
  const spent = (wall: number, cpu: number) => `${Math.round(wall)} ms (CPU ${cpu})`
  t.comment(
    `cold start of ${name}: init ${spent(init.wallMs, init.cpuMs)}, first answer ${spent(ms, cpuMs() - init.cpuMs)}`,
  )
  return answer
}

/** Every record of the stream, as soon as there is one. */
async function recordsOf({ kinesis, env }: TestAws) {
  const StreamName = env.STREAM_NAME
  const { Shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName }))
  const readShard = async (ShardId: string | undefined) => {
    const from = { StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' } as const
    const { ShardIterator } = await kinesis.send(new GetShardIteratorCommand(from))
    const { Records = [] } = await kinesis.send(new GetRecordsCommand({ ShardIterator }))
    return Records.map(({ Data, PartitionKey, SequenceNumber }) => ({
      data: Data ?? new Uint8Array(),
      partitionKey: PartitionKey ?? '',
      sequenceNumber: SequenceNumber ?? '',
      shardId: ShardId ?? '',
    }))
  }
  let records: Awaited<ReturnType<typeof readShard>> = []
  await eventually(async () => {
    records = (await Promise.all(Shards.map(({ ShardId }) => readShard(ShardId)))).flat()
    return records.length > 0
  })
  return records
}
