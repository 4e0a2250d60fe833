import { GetObjectCommand } from '@aws-sdk/client-s3'
import type { Test } from 'tap'
import { httpUpload } from '../../../image/upload-event.ts'
import { httpApiEvent } from '../../api/gateway-events.ts'
import type { TestAws } from '../../support/aws.ts'
import { kinesisEvent } from '../../worker/kinesis-event.ts'
import type { Scene, SceneFunction } from '../functions.ts'
import { recordsOf } from '../stream-records.ts'

/** The response of the api's function to API Gateway. */
export interface Answer {
  statusCode: number
  body: string
}

/** Sends a file through both functions, from its upload to its outputs. */
export async function takeThrough(t: Test, { aws, start }: Scene): Promise<void> {
  const { idToken } = await aws.signIn()
  const api = await start('api')
  const cold = await timed(t, 'api', api, () => api.invoke<Answer>(httpUpload(idToken)))
  t.equal(cold.statusCode, 200, cold.body)
  const refused = await api.invoke<Answer>(httpUpload('no token'))
  t.equal(refused.statusCode, 401, 'and refuses without a token, in the same environment')

  const processor = await start('processor')
  await process(t, aws, processor)
  const { uploadId } = JSON.parse(cold.body) as { uploadId: string }
  const headers = { authorization: `Bearer ${idToken}` }
  const shown = await api.invoke<Answer>(httpApiEvent({ method: 'GET', path: `/uploads/${uploadId}`, headers }))
  const upload = JSON.parse(shown.body) as { status: string; processed: { bucket: string; key: string } }
  t.equal(upload.status, 'processed', shown.body)
  t.equal(await read(aws, upload.processed), 'HELLO KINESIS')
}

/** Invokes the processor with the only record of the stream. */
export async function process(t: Test, aws: TestAws, processor: SceneFunction): Promise<void> {
  const records = await recordsOf(aws)
  t.equal(records.length, 1, 'the event is on the stream')
  const done = await timed(t, 'processor', processor, () => processor.invoke(kinesisEvent(records)))
  t.strictSame(done, { batchItemFailures: [] })
}

export async function read({ s3 }: TestAws, { bucket, key }: { bucket: string; key: string }): Promise<string> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
  return (await Body?.transformToString()) ?? ''
}

async function timed<T>(
  t: { comment(text: string): void },
  name: string,
  { init, cpuMs }: SceneFunction,
  first: () => Promise<T>,
): Promise<T> {
  const startedAt = performance.now()
  const answer = await first()
  const ms = performance.now() - startedAt
  const spent = (wall: number, cpu: number) => `${Math.round(wall)} ms (CPU ${cpu})`
  const parts =
    init && cpuMs
      ? `init ${spent(init.wallMs, init.cpuMs)}, first answer ${spent(ms, cpuMs() - init.cpuMs)}`
      : `init and first answer ${Math.round(ms)} ms`
  t.comment(`cold start of ${name}: ${parts}`)
  return answer
}
