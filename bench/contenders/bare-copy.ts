import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { names } from '../../services/platform/resources.ts'
import { answerParent, sendToParent } from '../lib/channel.ts'
import { setting } from './tally.ts'

/**
 * The minimum that every worker must do, with the SDK's default client: GetObject and PutObject of whole objects. It
 * has no stream, no records, no transform, and does not report completed work. Do not improve it: the worker is
 * compared with it.
 */
const COPIES = Number(setting('COPIES_PER_ROUND'))
/** As many as a worker has in flight: 4 shards with 16 lanes each. */
const SIDE_BY_SIDE = 64

// The only setting that is not the default: the sink has no DNS names for buckets.
const s3 = new S3Client({ forcePathStyle: true })
let rounds = 0

async function copy(Key: string): Promise<void> {
  const { Body, ContentType } = await s3.send(new GetObjectCommand({ Bucket: names.uploadBucket, Key }))
  const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array()
  const to = { Bucket: names.processedBucket, Key: Key.replace('uploads/', 'processed/') }
  await s3.send(new PutObjectCommand({ ...to, Body: bytes, ...(ContentType && { ContentType }) }))
}

async function copyAll(round: number): Promise<void> {
  let next = 0
  const lane = async () => {
    while (next < COPIES) await copy(`uploads/a1b2c3d4-0000-4000-8000-000000000000/${round}-${next++}/demo.txt`)
  }
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, lane))
  sendToParent(`round ${round}`, COPIES)
}

answerParent('go', () => {
  const round = ++rounds
  copyAll(round).catch((error: unknown) => {
    process.stderr.write(`${error}\n`)
    process.exit(1)
  })
  return round
})
// It must keep running while it waits for the parent.
process.channel?.ref()
