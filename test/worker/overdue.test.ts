import t from 'tap'
import { OverdueError } from '../../services/worker/errors.ts'
import { orOverdue } from '../../services/worker/processing/failure-policy.ts'
import { deadLetterOf, startPipeline, streamRecord, uploadRecord } from './pipeline.ts'
import { startS3Proxy } from './s3-proxy.ts'

const HOUR = 3_600_000
const trouble = new Error('SlowDown')
const settings = { giveUpAfterMs: 20 * HOUR, now: () => 100 * HOUR }
const cameAt = (hour: number) => ({ ...streamRecord('x'), arrivedAt: new Date(hour * HOUR) })

t.test('trouble is what it is until the record is old and has been tried a few times', async t => {
  t.equal(orOverdue(trouble, cameAt(81), 9, settings), trouble)
  t.equal(orOverdue(trouble, cameAt(80), 2, settings), trouble)
  t.equal(orOverdue(trouble, streamRecord('x'), 9, settings), trouble, 'nobody knows how old it is')
  const given = orOverdue(trouble, cameAt(80), 3, settings)
  t.ok(given instanceof OverdueError)
  t.match(given, { code: 'HEADGATE_OVERDUE', message: /for 20 hours/, cause: trouble })
})

t.test('an upload that S3 would not give out for so long fails with a dead letter, and not before', async t => {
  const pipeline = await startPipeline(t, { shards: 1 })
  const proxy = await startS3Proxy(t, pipeline.aws)
  proxy.decide(request => (request.url?.includes('uploads/') ? { status: 503, code: 'SlowDown' } : 'pass'))
  const processor = pipeline.processor({ s3: proxy.s3, giveUpAfterMs: HOUR })
  const upload = await pipeline.upload('hello')
  const record = { ...streamRecord(upload), arrivedAt: new Date(Date.now() - 2 * HOUR) }
  const { signal } = new AbortController()
  await t.rejects(processor.process(record, { signal, attempt: 2 }), { name: 'SlowDown' })
  t.match(await pipeline.store.get(upload), { status: 'stored' })
  await processor.process(record, { signal, attempt: 3 })
  t.match(await pipeline.store.get(upload), { status: 'failed', failure: { code: 'HEADGATE_OVERDUE' } })
  const { text } = await pipeline.read(deadLetterOf(record))
  t.match(JSON.parse(text), { error: { code: 'HEADGATE_OVERDUE', causes: [/SlowDown/] } })

  const missing = { ...streamRecord(uploadRecord()), arrivedAt: record.arrivedAt }
  proxy.decide(() => 'pass')
  await processor.process(missing, { signal, attempt: 3 })
  t.match(
    JSON.parse((await pipeline.read(deadLetterOf(missing))).text),
    { error: { code: 'HEADGATE_OBJECT_MISSING' } },
    'what no retry mends is called what it is, however old',
  )
})
