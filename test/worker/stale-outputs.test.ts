import t from 'tap'
import { outputsPrefix, processedKey } from '../../services/uploads/objects/keys.ts'
import type { UploadRecord } from '../../services/uploads/records/record.ts'
import { TransformError } from '../../services/worker/errors.ts'
import { ruleOf, type TransformRule } from '../../services/worker/transforms/rules/rules.ts'
import { going, startPipeline, streamRecord } from './pipeline.ts'

const pipeline = await startPipeline(t)
const { store, results, keys } = pipeline

/** Creates a rule whose transform returns a main output and outputs with these names, and runs `act` before it ends. */
function gives(names: readonly string[], { items = [], act }: { items?: string[]; act?: () => Promise<void> } = {}) {
  const rule: TransformRule = ruleOf({
    name: `gives-${names.length}`,
    version: '1',
    async *apply() {
      for (const name of [undefined, ...names]) {
        const body = [Buffer.from(name ?? 'main')]
        yield { ...(name !== undefined && { name }), contentType: 'text/plain', body }
      }
      await act?.()
    },
  })
  return { ...rule, sinkOf: (name: string) => (items.includes(name) ? ('dynamodb' as const) : ('s3' as const)) }
}

async function lying({ uploadId }: UploadRecord): Promise<string[]> {
  return (await keys()).filter(key => key.includes(uploadId)).sort()
}

const further = ({ key }: UploadRecord, name: string) => outputsPrefix(key) + name
const run = (upload: UploadRecord, rule: TransformRule, options = going) =>
  pipeline.processor({ rules: [rule] }).process(streamRecord(upload), options)

t.test(
  'outputs that a changed configuration no longer creates are removed when the upload is processed again',
  async t => {
    const upload = await pipeline.upload('hello')
    const other = await pipeline.upload('hello')
    const before = gives(['a', 'b', 'c', 'd'], { items: ['c', 'd'] })
    for (const one of [upload, other]) await run(one, before)
    const untouched = await lying(other)
    for (const _time of [1, 2]) {
      await run(upload, gives(['b', 'c'], { items: ['c'] }))
      t.strictSame(await lying(upload), [processedKey(upload.key), further(upload, 'b')].sort())
      t.ok(await results.get(upload, 'c', upload.uploadId))
      t.equal(await results.get(upload, 'd', upload.uploadId), undefined)
      t.match(
        (await store.get(upload))?.outputs?.map(({ name }) => name),
        ['main', 'b', 'c'],
      )
    }
    await run(upload, gives([], { items: ['main'] }))
    t.strictSame(await lying(upload), [], 'the main output moved to DynamoDB')
    t.ok(await results.get(upload, 'main', upload.uploadId))
    t.strictSame(await lying(other), untouched, 'outputs of another upload remain')
    t.ok(await results.get(other, 'd', other.uploadId))
  },
)

t.test('the first processing of an upload does not search for stale outputs', async t => {
  const upload = await pipeline.upload('hello')
  const removeOutputs = () => Promise.reject(new Error('must not be called'))
  await pipeline.processor({ removeOutputs, rules: [gives(['a'])] }).process(streamRecord(upload), going)
  t.match(await store.get(upload), { status: 'processed' })
})

t.test('if a run dies before it removes stale outputs, the next run removes them', async t => {
  const upload = await pipeline.upload('hello')
  await run(upload, gives(['a']))
  const removeOutputs = () => Promise.reject(new Error('killed'))
  const dying = pipeline.processor({ removeOutputs, rules: [gives([])] }).process(streamRecord(upload), going)
  await t.rejects(dying, { message: 'killed' })
  t.equal((await lying(upload)).length, 2)
  await run(upload, gives([]))
  t.strictSame(await lying(upload), [processedKey(upload.key)])
})

t.test('a run whose outputs another run removed is retried, so that all recorded outputs exist', async t => {
  const upload = await pipeline.upload('hello')
  await run(upload, gives([]))
  let isFirst = true
  const late = gives(['a'], {
    // At this point the run has written all its outputs.
    act: async () => {
      if (isFirst) await run(upload, gives(['b']))
      isFirst = false
    },
  })
  const processor = pipeline.processor({ rules: [late] })
  const record = streamRecord(upload)
  await t.rejects(processor.process(record, going), { code: 'HEADGATE_OUTPUTS_TAKEN' })
  await processor.process(record, { ...going, attempt: 2 } as typeof going)
  t.strictSame(await lying(upload), [processedKey(upload.key), further(upload, 'a')].sort())
  t.match(await store.get(upload), { outputs: [{ name: 'main' }, { name: 'a' }] })
})

t.test('a run that removed outputs that another run recorded meanwhile is retried', async t => {
  const upload = await pipeline.upload('hello')
  await run(upload, gives([]))
  let isFirst = true
  const overtaken = pipeline.processor({
    rules: [gives(['b'])],
    removeOutputs: async (...removal) => {
      // This runs after the run is recorded and before it removes outputs.
      if (isFirst) {
        isFirst = false
        const other = pipeline.processor({ rules: [gives(['a'])], removeOutputs: async () => seen })
        const seen = { kept: { objects: new Set([further(upload, 'a')]), items: new Set<string>() }, removed: none }
        await other.process(streamRecord(upload), going)
      }
      return await pipeline.removeOutputs(...removal)
    },
  })
  const record = streamRecord(upload)
  await t.rejects(overtaken.process(record, going), { code: 'HEADGATE_OUTPUTS_TAKEN' })
  await overtaken.process(record, going)
  t.strictSame(await lying(upload), [processedKey(upload.key), further(upload, 'b')].sort())
  t.match(await store.get(upload), { outputs: [{ name: 'main' }, { name: 'b' }] })
})

t.test(
  'a run that is aborted after its last output does not mark the upload, because another worker has the record',
  async t => {
    const upload = await pipeline.upload('hello')
    const lost = new AbortController()
    const act = async () => lost.abort(new Error('the lease is gone'))
    await t.rejects(run(upload, gives(['a'], { act }), lost), { message: 'the lease is gone' })
    t.match(await store.get(upload), { status: 'stored' })
  },
)

t.test('a run that is aborted after it marked the upload as failed does not remove outputs of another run', async t => {
  const upload = await pipeline.upload('hello')
  const lost = new AbortController()
  const refusing = gives(['a'], { act: () => Promise.reject(new TransformError('No.')) })
  const processor = pipeline.processor({
    rules: [refusing],
    store: {
      ...store,
      async markFailed(...failure) {
        const isMarked = await store.markFailed(...failure)
        lost.abort(new Error('the lease is gone'))
        await run(upload, gives(['a']))
        return isMarked
      },
    },
  })
  await t.rejects(processor.process(streamRecord(upload), lost), { message: 'the lease is gone' })
  t.match(await store.get(upload), { status: 'processed' })
  t.strictSame(await lying(upload), [processedKey(upload.key), further(upload, 'a')].sort())
})

const none = { objects: new Set<string>(), items: new Set<string>() }
