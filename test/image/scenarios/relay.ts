import type { Test } from 'tap'
import { httpUpload } from '../../../image/upload-event.ts'
import { processedKey } from '../../../services/uploads/objects/keys.ts'
import { startFaultProxy } from '../../support/fault-proxy.ts'
import { internalError } from '../../support/faults/aws-errors.ts'
import { type Scene, scheduled } from '../functions.ts'
import { recordsNow } from '../stream-records.ts'
import { type Answer, process, read } from './upload.ts'

/** Publishes the event of an upload that Kinesis did not accept before. */
export async function publishWhatIsLeft(t: Test, { aws, start }: Scene): Promise<void> {
  const { idToken } = await aws.signIn()
  const proxy = await startFaultProxy(t, aws.endpoints.kinesis)
  proxy.inject(internalError('kinesis'))
  const api = await start('api', {
    AWS_ENDPOINT_URL_KINESIS: proxy.url,
    EVENT_PUT_TIMEOUT_MS: '500',
    LOG_LEVEL: 'silent',
  })
  const { statusCode, body } = await api.invoke<Answer>(httpUpload(idToken))
  t.equal(statusCode, 202, body)
  t.strictSame(await recordsNow(aws), [], 'no event is on the stream')

  const early = await start('relay')
  t.strictSame(await early.invoke(scheduled), { published: 0 }, 'for a while the api comes first')
  const relay = await start('relay', { OUTBOX_GRACE_MS: '0' })
  t.strictSame(await relay.invoke(scheduled), { published: 1 })
  t.strictSame(await relay.invoke(scheduled), { published: 0 }, 'once')

  await process(t, aws, await start('processor'))
  const { s3 } = JSON.parse(body) as { s3: { key: string } }
  t.equal(await read(aws, { bucket: aws.env.PROCESSED_BUCKET ?? '', key: processedKey(s3.key) }), 'HELLO KINESIS')
}
