import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { names } from '../../services/platform/resources.ts'
import { answerParent, sendToParent } from '../lib/channel.ts'
import { setting } from './tally.ts'

/**
 * What no worker can do without, by the SDK's client as it comes: get an object whole, put another. No stream, no record, no
 * transform, and nothing that tells what is done. Not to be improved: it is what the worker is measured against.
 */
const COPIES = Number(setting('COPIES_PER_ROUND'))
/** As many as a worker has under way: 4 shards with 16 lanes each. */
const SIDE_BY_SIDE = 64

// The one setting that is not the default: the sink has no DNS that knows buckets.
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
// What it waits for is the parent.
process.channel?.ref()
