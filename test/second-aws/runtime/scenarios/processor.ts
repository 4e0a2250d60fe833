import type { KinesisStreamBatchResponse, KinesisStreamEvent } from 'aws-lambda'
import type { Test } from 'tap'
import { processedKey } from '../../../../services/uploads/objects/keys.ts'
import type { UploadRecord } from '../../../../services/uploads/records/record.ts'
import type { StreamRecord } from '../../../../services/worker/stream-record.ts'
import { aggregate } from '../../../support/aggregate.ts'
import { startFaultProxy, to } from '../../../support/fault-proxy.ts'
import { awsError } from '../../../support/faults/aws-errors.ts'
import { silence } from '../../../support/faults/faults.ts'
import { kinesisEvent } from '../../../worker/kinesis-event.ts'
import { deadLetterOf, type Pipeline, streamRecord } from '../../../worker/pipeline.ts'
import { type EmulatedFunction, FunctionError } from '../emulator.ts'

/** Starts the processor's function on the pipeline's AWS. */
export type StartProcessor = (
  t: Test,
  change?: { env?: Record<string, string>; timeoutSeconds?: number },
) => Promise<EmulatedFunction>

/** Returns records as an event source mapping delivers them, with the current time as their arrival. */
function eventOf(records: readonly StreamRecord[], arrivedAt = Date.now()): KinesisStreamEvent {
  const { Records } = kinesisEvent(records)
  return {
    Records: Records.map(record => ({
      ...record,
      kinesis: { ...record.kinesis, approximateArrivalTimestamp: arrivedAt / 1_000 },
    })),
  }
}

/** Invokes the processor. Resolves to the positions in the batch from which Lambda would retry, and to the duration. */
async function batch(processor: EmulatedFunction, records: readonly StreamRecord[], arrivedAt?: number) {
  const event = eventOf(records, arrivedAt)
  const { answer, ms } = await processor.invoke<KinesisStreamBatchResponse>(event)
  const places = answer.batchItemFailures.map(({ itemIdentifier }) =>
    records.findIndex(({ sequenceNumber }) => sequenceNumber === itemIdentifier),
  )
  return { places, ms }
}

/**
 * Creates uploads with these contents, each with a record of the stream. `partitionKey` is that of all records; by default
 * each has its own.
 */
async function uploadsOf({ upload }: Pipeline, contents: readonly string[], partitionKey?: string) {
  const uploads = await Promise.all(contents.map(content => upload(content)))
  const records = uploads.map(one => ({ ...streamRecord(one), partitionKey: partitionKey ?? one.uploadId }))
  return { uploads, records }
}

export async function processBatches(t: Test, pipeline: Pipeline, start: StartProcessor): Promise<void> {
  const { aws, store, read } = pipeline
  const statusOf = async (uploads: readonly UploadRecord[]) =>
    (await Promise.all(uploads.map(one => store.get(one)))).map(found => found?.status)

  await t.test('a batch of valid and invalid records, delivered twice', async t => {
    const processor = await start(t)
    const { uploads, records } = await uploadsOf(pipeline, ['one', 'two', 'grüße'])
    const [noJson, noText] = [streamRecord('not json'), { ...streamRecord(''), data: Buffer.from([255, 0, 254]) }]
    const [first, second, third] = records as [StreamRecord, StreamRecord, StreamRecord]
    const all = [first, noJson, second, noText, third]
    t.strictSame((await batch(processor, all)).places, [], 'an invalid record is not brought again')
    t.strictSame(await statusOf(uploads), ['processed', 'processed', 'processed'], 'good records are processed')
    const texts = await Promise.all(uploads.map(async ({ key }) => (await read(processedKey(key))).text))
    t.strictSame(texts, ['ONE', 'TWO', 'GRÜSSE'])
    for (const record of [noJson, noText])
      t.match(JSON.parse((await read(deadLetterOf(record))).text), {
        sequenceNumber: record.sequenceNumber,
        data: Buffer.from(record.data).toString('base64'),
      })
    t.strictSame((await batch(processor, all)).places, [], 'the same batch again')
    t.strictSame((await batch(processor, [])).places, [], 'a batch without records')

    const { uploads: inside, records: packed } = await uploadsOf(pipeline, ['in one', 'in two'])
    const data = aggregate(packed.map(({ data, partitionKey: key }) => ({ key, data })))
    t.strictSame((await batch(processor, [{ ...streamRecord(''), data }])).places, [], 'an aggregated record')
    t.strictSame(await statusOf(inside), ['processed', 'processed'])

    const { uploads: many, records: hundred } = await uploadsOf(
      pipeline,
      Array.from({ length: 100 }, (_, n) => `n${n}`),
    )
    const { places, ms } = await batch(processor, hundred)
    t.comment(`100 records in one batch: ${ms} ms`)
    t.strictSame(places, [])
    t.strictSame(new Set(await statusOf(many)), new Set(['processed']))

    for (const event of [null, { hello: 1 }, { Records: [{ body: 'of SQS' }] }]) {
      const error = await processor.invoke(event).catch((thrown: unknown) => thrown)
      t.ok(error instanceof FunctionError, 'an event of something else fails the invocation')
      t.match(error, { errorType: 'NotKinesisEventError', message: /Kinesis/ })
    }
  })

  await t.test('if S3 rejects the request of one record, that record and the later ones are retried', async t => {
    const proxy = await startFaultProxy(t, aws.endpoints.s3)
    const processor = await start(t, { env: { AWS_ENDPOINT_URL_S3: proxy.url } })
    const refuse = (one: UploadRecord | undefined) =>
      proxy.inject(awsError('s3', { status: 503, code: 'SlowDown' }), {
        when: to('GET', new RegExp(one?.uploadId ?? 'none')),
      })

    const own = await uploadsOf(pipeline, ['a', 'b', 'c'])
    const refusal = refuse(own.uploads[1])
    t.strictSame((await batch(processor, own.records)).places, [1], 'from the one that failed')
    t.strictSame(await statusOf(own.uploads), ['processed', 'stored', 'processed'], 'other keys are not kept back')
    refusal.remove()
    const reads = proxy.count(to('GET', new RegExp(own.uploads[2]?.uploadId ?? 'none')))
    t.strictSame((await batch(processor, own.records.slice(1))).places, [], 'brought again')
    t.strictSame(await statusOf(own.uploads), ['processed', 'processed', 'processed'], 'all keys, in the end')
    t.equal(
      proxy.count(to('GET', new RegExp(own.uploads[2]?.uploadId ?? 'none'))),
      reads,
      'what was done is not done again',
    )

    const shared = await uploadsOf(pipeline, ['a', 'b', 'c'], 'one key')
    const again = refuse(shared.uploads[1])
    t.strictSame((await batch(processor, shared.records)).places, [1], 'of one key, from the one that failed')
    t.strictSame(await statusOf(shared.uploads), ['processed', 'stored', 'stored'], 'the order of a key is kept')
    again.remove()
    t.strictSame((await batch(processor, shared.records.slice(1))).places, [], 'the one key, brought again')
    t.strictSame(await statusOf(shared.uploads), ['processed', 'processed', 'processed'], 'the one key, in the end')
  })

  await t.test('two shards in one event get separate responses, and an overdue record is dead-lettered', async t => {
    const proxy = await startFaultProxy(t, aws.endpoints.s3)
    const processor = await start(t, { env: { AWS_ENDPOINT_URL_S3: proxy.url } })
    const { uploads, records } = await uploadsOf(pipeline, ['a', 'b', 'c', 'd'])
    const split = records.map((record, place) => ({ ...record, shardId: `shardId-00000000000${place % 2}` }))
    const ids = uploads.slice(2).map(({ uploadId }) => uploadId)
    const refusal = proxy.inject(awsError('s3', { status: 503, code: 'SlowDown' }), {
      when: to('GET', new RegExp(ids.join('|'))),
    })
    t.strictSame((await batch(processor, split)).places, [2, 3], 'the first that failed of each shard')
    const late = Date.now() - 21 * 3_600_000
    t.strictSame((await batch(processor, split.slice(2), late)).places, [], 'no more than GIVE_UP_AFTER_HOURS')
    refusal.remove()
    t.strictSame(await statusOf(uploads), ['processed', 'processed', 'failed', 'failed'], 'overdue uploads fail')
    t.match(await store.get(uploads[3] as UploadRecord), { failure: { code: 'HEADGATE_OVERDUE' } })
  })

  for (const service of ['s3', 'dynamodb'] as const) {
    await t.test(
      `${service} accepts and never answers: the batch is reported before the function's time is up`,
      async t => {
        const proxy = await startFaultProxy(t, aws.endpoints[service])
        const variable = `AWS_ENDPOINT_URL_${service.toUpperCase()}`
        const processor = await start(t, { env: { [variable]: proxy.url }, timeoutSeconds: 8 })
        t.strictSame((await batch(processor, [streamRecord('warm')])).places, [])
        const { uploads, records } = await uploadsOf(pipeline, ['a', 'b'])
        const [stuck] = uploads
        const when = service === 's3' ? { when: to('GET', new RegExp(stuck?.uploadId ?? 'none')) } : {}
        const silent = proxy.inject(silence, when)
        const { places, ms } = await batch(processor, records)
        t.strictSame(places, [0], `from the one that ${service} did not answer for`)
        t.ok(ms < 8_000, `answered after ${ms} ms of 8,000`)
        if (service === 's3') t.strictSame(await statusOf(uploads), ['stored', 'processed'], 'the other is processed')
        silent.remove()
        t.strictSame((await batch(processor, records)).places, [], 'brought again')
        t.strictSame(await statusOf(uploads), ['processed', 'processed'], 'once it answers again')
      },
    )
  }
}
