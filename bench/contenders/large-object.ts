/** Runs the worker's processor on one large upload, without a stream, and reports its memory on request. */
import { pino } from 'pino'
import { loadConfig } from '../../services/platform/config/load.ts'
import { processorConfigSchema } from '../../services/platform/config/worker.ts'
import { runMain } from '../../services/platform/main.ts'
import { names } from '../../services/platform/resources.ts'
import { encodeEvent } from '../../services/uploads/events/event.ts'
import { createWorkerServices } from '../../services/worker/services.ts'
import { answerParent, sendToParent } from '../lib/channel.ts'
import { setting } from './tally.ts'

/** In bytes. */
export interface LargeObjectSample {
  rss: number
  heapUsed: number
  external: number
}

runMain(async () => {
  const config = loadConfig(processorConfigSchema, process.env)
  const { processor } = await createWorkerServices(config, pino({ level: 'silent' }))
  const [owner, uploadId, filename] = ['owner', '01930000-0000-7000-8000-000000000000', 'large.txt']
  const event = encodeEvent({
    version: 1,
    bucket: names.uploadBucket,
    key: `uploads/${owner}/${uploadId}/${filename}`,
    uploadId,
    userSub: owner,
    filename,
    contentType: 'text/plain',
    size: Number(setting('OBJECT_BYTES')),
    sha256: '0'.repeat(64),
    uploadedAt: new Date().toISOString(),
    requestId: 'large',
  })

  async function work(): Promise<void> {
    const record = { data: event, partitionKey: uploadId, sequenceNumber: '1', shardId: 'shardId-000000000000' }
    await processor.process(record, { signal: new AbortController().signal })
    sendToParent('done', true)
  }

  answerParent('memory', (): LargeObjectSample => {
    const { rss, heapUsed, external } = process.memoryUsage()
    return { rss, heapUsed, external }
  })
  answerParent('go', () => {
    work().catch((error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.stack : error}\n`)
      process.exit(1)
    })
    return true
  })
  // Keeps the process running until the parent starts the work and has read the memory figures.
  setInterval(() => undefined, 60_000)
  sendToParent('ready', true)
})
