import t from 'tap'
import { createWorkerMetrics } from '../../../services/worker/metrics/worker-metrics.ts'
import { consumerDouble, shardStatus } from '../consumer-double.ts'
import { streamRecord } from '../pipeline.ts'

const { signal } = new AbortController()

async function textOf(pages: ReturnType<ReturnType<typeof createWorkerMetrics>['pages']>): Promise<string> {
  const page = await pages['/metrics']?.()
  t.match(page, { status: 200, contentType: /^text\/plain; version=/ })
  return page?.body ?? ''
}

t.test('/metrics has the current counters and shards of the consumer', async t => {
  const consumer = consumerDouble()
  let outboxMs: number | undefined
  const pages = createWorkerMetrics().pages({
    consumer,
    stuck: { stalledMs: () => 2_500 },
    relay: { oldestMs: () => outboxMs },
  })
  const empty = await textOf(pages)
  t.match(empty, /^headgate_leases_held 0$/m)
  t.match(empty, /^headgate_worker_info\{worker="w"\} 1$/m)
  t.match(empty, /^headgate_record_bytes_buffered 7$/m)
  t.match(empty, /^headgate_record_bytes_buffered_limit 4096$/m)
  t.notMatch(empty, /^headgate_time_to_drain_seconds \d/m, 'unknown before the first read')
  t.notMatch(empty, /^headgate_outbox_age_seconds \d/m, 'unknown before the first pass of the relay')

  consumer.events.emit('recordsFetched', { shardId: 'shardId-1', records: 7, bytes: 700, millisBehindLatest: 1_500 })
  consumer.shards = [shardStatus({ pending: 3, millisBehindLatest: 1_500, timeToDrainMs: Number.POSITIVE_INFINITY })]
  consumer.breaker = 'open'
  outboxMs = 4_500
  for (const text of [await textOf(pages), await textOf(pages)]) {
    t.match(text, /^headgate_records_fetched_total 7$/m, 'a second request does not count twice')
    t.match(text, /^headgate_breaker_open 1$/m)
    t.match(text, /^headgate_outbox_age_seconds 4.5$/m)
    t.match(text, /^headgate_time_to_drain_seconds \+Inf$/m)
    t.match(text, /^headgate_shard_records_pending\{shard="shardId-1"\} 3$/m)
    t.match(text, /^headgate_shard_behind_seconds\{shard="shardId-1"\} 1.5$/m)
    t.match(text, /^headgate_shard_stalled_seconds\{shard="shardId-1"\} 2.5$/m)
  }
  t.match(await textOf(pages), /^process_cpu_seconds_total /m)

  consumer.shards = []
  const gone = await textOf(pages)
  t.notMatch(gone, /shardId-1/, 'another worker reports the shard now')
  t.notMatch(gone, /^headgate_time_to_drain_seconds \S/m)
})

t.test('attempts, dead letters and outbox events are counted by their result', async t => {
  const metrics = createWorkerMetrics()
  const pages = metrics.pages({
    consumer: consumerDouble(),
    stuck: { stalledMs: () => 0 },
    relay: { oldestMs: () => 0 },
  })
  let fails = false
  const work = async (_of: unknown) => {
    if (fails) throw new Error('trouble')
  }
  const processor = metrics.work.processor({ process: work })
  const letters = metrics.work.deadLetters({ write: async () => 'a-key', remove: work })
  const publisher = metrics.work.publisher({ publish: work })
  const record = { ...streamRecord('x'), arrivedAt: new Date(Date.now() - 2_000) }
  await processor.process(record, { signal })
  await publisher.publish({} as never)
  t.equal(await letters.write(record, { code: 'HEADGATE_OBJECT_MISSING', reason: '' }), 'a-key')
  metrics.work.uploadEnded({ uploadedAt: new Date(Date.now() - 2_000).toISOString() })
  metrics.work.uploadEnded({ uploadedAt: 'yesterday' })
  fails = true
  await t.rejects(processor.process(record, { signal }), { message: 'trouble' })
  await t.rejects(publisher.publish({} as never), { message: 'trouble' })

  const text = await textOf(pages)
  t.match(text, /^headgate_record_processing_seconds_count\{result="done"\} 1$/m)
  t.match(text, /^headgate_record_processing_seconds_count\{result="error"\} 1$/m)
  t.match(text, /^headgate_record_latency_seconds_count 1$/m)
  t.match(text, /^headgate_record_latency_seconds_bucket\{le="1"\} 0$/m)
  t.match(text, /^headgate_upload_latency_seconds_count 1$/m, 'a text that is no time is not measured')
  t.match(text, /^headgate_upload_latency_seconds_bucket\{le="1"\} 0$/m)
  t.match(text, /^headgate_dead_letters_total\{code="HEADGATE_OBJECT_MISSING"\} 1$/m)
  t.match(text, /^headgate_outbox_events_total\{result="published"\} 1$/m)
  t.match(text, /^headgate_outbox_events_total\{result="refused"\} 1$/m)
})

t.test('/metrics says to which destinations nothing is sent', async t => {
  const heldBack = new Map([
    ['bus', false],
    ['crm', true],
  ])
  const pages = createWorkerMetrics().pages({
    ...{ consumer: consumerDouble(), stuck: { stalledMs: () => 0 }, relay: { oldestMs: () => 0 } },
    notifications: { heldBack: () => heldBack },
  })
  t.match(await textOf(pages), /^headgate_notifications_held_back\{destination="crm"\} 1$/m)
  heldBack.set('crm', false)
  const text = await textOf(pages)
  for (const name of heldBack.keys())
    t.match(text, new RegExp(`^headgate_notifications_held_back\\{destination="${name}"\\} 0$`, 'm'))
})
