import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { createTransformProcesses } from '../../services/worker/transforms/processes/pool.ts'
import { loadRules } from '../../services/worker/transforms/rules/rules.ts'
import { going, startPipeline, streamRecord } from './pipeline.ts'

const pipeline = await startPipeline(t)
const folder = mkdtempSync(path.join(tmpdir(), 'headgate-admission-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const processes = createTransformProcesses({ size: 1 })
t.teardown(() => processes.close())

const flag = path.join(folder, 'flag')
writeFileSync(
  path.join(folder, 'busy.mjs'),
  `import { appendFileSync, existsSync } from 'node:fs'
  export default ({ begun, flag }) => ({ name: 'busy', version: '1', apply(input, { upload }) {
    appendFileSync(begun, upload.filename + '\\n')
    while (!existsSync(flag));
    return { contentType: 'text/plain', body: input }
  } })`,
)

t.test('uploads that need no process do not wait behind uploads that wait for one', async t => {
  const begun = path.join(folder, 'begun')
  writeFileSync(begun, '')
  const rules = await loadRules(
    JSON.stringify({
      rules: [{ filename: '*.busy', module: path.join(folder, 'busy.mjs'), options: { begun, flag } }],
    }),
    processes.inProcess,
  )
  const processor = pipeline.processor({ rules, processes: processes.size })
  const waiting = await Promise.all(['1.busy', '2.busy', '3.busy'].map(filename => pipeline.upload('x', { filename })))
  const done = waiting.map(upload => processor.process(streamRecord(upload), going))
  const aborter = new AbortController()
  const given = await pipeline.upload('x', { filename: '4.busy' })
  const givenUp = processor.process(streamRecord(given), { signal: aborter.signal })

  const deadline = performance.now() + 30_000
  while (readFileSync(begun, 'utf8') === '' && performance.now() < deadline)
    await new Promise(resolve => setTimeout(resolve, 20))
  const free = await pipeline.upload('no process')
  await processor.process(streamRecord(free), going)
  t.match(await pipeline.store.get(free), { status: 'processed' })
  t.equal(readFileSync(begun, 'utf8').trim().split('\n').length, 1, 'one process runs')
  aborter.abort()
  await t.rejects(givenUp, { name: 'AbortError' })

  writeFileSync(flag, '')
  await Promise.all(done)
  for (const upload of waiting) t.match(await pipeline.store.get(upload), { status: 'processed' })
  t.match(await pipeline.store.get(given), { status: 'stored' }, 'the aborted upload is left for the next attempt')
})
