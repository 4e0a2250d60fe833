/**
 * Sends uploads through the bundled Lambda handlers, the api and the worker, on the embedded AWS, and stores the code
 * that V8 compiles for them. The argument is the folder of the bundle; the default is `dist/services`.
 */
import { enableCompileCache, flushCompileCache } from 'node:module'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { APIGatewayProxyEventV2, Context, KinesisStreamEvent } from 'aws-lambda'
import { signIn } from '../services/local/cognito-wire.ts'
import { startEmbeddedAws } from '../services/local/embedded-aws.ts'
import { CACHE_FOLDER } from './compile-cache.ts'
import { httpUpload } from './upload-event.ts'
import { warmUpPrograms } from './warm-up-programs.ts'

const ROUNDS = 3
/** The maximum time of retries of an upload, and the pause between them, in milliseconds. */
const TIMEOUT_MS = 60_000
const PAUSE_MS = 500

/** The part of an invocation's context that the handlers read. */
type Invocation = Pick<Context, 'awsRequestId' | 'getRemainingTimeInMillis'>

type Handler<Event, Answer> = (event: Event, context: Invocation) => Promise<Answer>

const invocation: Invocation = { awsRequestId: 'warm-up', getRemainingTimeInMillis: () => 60_000 }

const dist = path.resolve(process.argv[2] ?? path.join(import.meta.dirname, '../dist/services'))
const aws = await startEmbeddedAws()
const { idToken } = await signIn(aws.endpoints.cognito, {
  ...aws.user,
  clientId: aws.env.COGNITO_CLIENT_ID ?? '',
})
Object.assign(process.env, aws.env, { LOG_LEVEL: 'silent' })

// The cache is enabled after the imports of the embedded AWS, which the image does not contain.
enableCompileCache(path.join(dist, CACHE_FOLDER))
const upload = await handlerOf<APIGatewayProxyEventV2, { statusCode: number; body: string }>('api/lambda')
const process_ = await handlerOf<KinesisStreamEvent, { batchItemFailures: unknown[] }>('worker/lambda')

// V8 compiles a function at its first call, and some functions are called only from the second upload on.
for (let round = 0; round < ROUNDS; round++) {
  const { s3 } = await uploadOnce()
  const { batchItemFailures } = await process_(recordOf(s3), invocation)
  if (batchItemFailures.length > 0) throw new Error('The upload was not processed.')
}

await warmUpPrograms(dist, idToken, ROUNDS)
flushCompileCache()
await aws.stop()
// The handlers keep their connections open, which would keep the process running.
process.exit(0)

/**
 * Uploads a file. On a busy machine the api may not reach its issuer or S3 in time. It then responds with 503, and the
 * upload is sent again. 202 means that Kinesis was too slow, which does not matter here: the record is created by hand.
 */
async function uploadOnce(): Promise<{ s3: { bucket: string; key: string } }> {
  const until = Date.now() + TIMEOUT_MS
  while (true) {
    const { statusCode, body } = await upload(httpUpload(idToken), invocation)
    if (statusCode === 200 || statusCode === 202) return JSON.parse(body) as { s3: { bucket: string; key: string } }
    if (statusCode !== 503 || Date.now() > until) throw new Error(`The upload got the response ${statusCode}: ${body}`)
    await wait(PAUSE_MS)
  }
}

async function handlerOf<Event, Answer>(name: string): Promise<Handler<Event, Answer>> {
  // With the path that the image imports, because the cache is keyed by path.
  const { handler } = (await import(path.join(dist, `${name}.main.js`))) as { handler: Handler<Event, Answer> }
  return handler
}

function recordOf(place: { bucket: string; key: string }): KinesisStreamEvent {
  const kinesis = {
    kinesisSchemaVersion: '1.0',
    partitionKey: 'warm-up',
    sequenceNumber: '1',
    data: Buffer.from(JSON.stringify(place)).toString('base64'),
    approximateArrivalTimestamp: 0,
  }
  return {
    Records: [{ kinesis, eventID: 'shardId-000000000000:1' }],
  } as unknown as KinesisStreamEvent
}
