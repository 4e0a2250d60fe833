import path from 'node:path'
import t, { type Test } from 'tap'
import type { UploadRecord } from '../../services/uploads/records/record.ts'
import { buildTestApi } from '../api/support.ts'
import { isAlive, runProgram } from '../support/processes.ts'
import { kinesisEvent } from './kinesis-event.ts'
import { type Pipeline, startPipeline, streamRecord } from './pipeline.ts'

const worker = path.resolve(import.meta.dirname, '../../services/worker/worker.ts')
const lambda = new URL('../../services/worker/lambda.ts', import.meta.url).href

/** A transform that refuses an upload before it reads the body. */
const TRANSFORM = `
export default {
  name: 'refusing',
  version: '1',
  apply() {
    throw Object.assign(new Error('no such files here'), { code: 'HEADGATE_TRANSFORM_REFUSED' })
  },
}
`

/** Invokes the handler of a new instance, as Lambda does. */
const INSTANCE = `
const { handler } = await import(process.env.ENTRY)
const answer = await handler(JSON.parse(process.env.EVENT), { getRemainingTimeInMillis: () => 60_000 })
// Long enough for an uncaught error of a stream to end the process.
await new Promise(resolve => setTimeout(resolve, 100))
console.log('answer ' + JSON.stringify(answer))
process.exit()
`

/** Settings with which the relay soon publishes an event that the api could not publish. */
const PROMPT = { OUTBOX_INTERVAL_MS: '1000', OUTBOX_GRACE_MS: '5000' }

interface Unread {
  filename: string
  contentType: string
  content: Buffer
  status: 'processed' | 'failed'
}

/** Creates uploads whose bodies are closed unread, because all processes are busy or the content is refused. */
function unread(count: number): Unread[] {
  const of = (filename: string, contentType: string, text: string, status: Unread['status']): Unread[] =>
    Array.from({ length: count }, (_, n) => ({
      ...{ filename: `${n}-${filename}`, contentType, status },
      content: Buffer.from(text),
    }))
  return [
    ...of('rows.csv', 'text/csv', 'a,b\n1,2\n', 'processed'),
    ...of('charset.txt', 'text/plain; charset=binary', 'hi', 'failed'),
    ...of('refused.bin', 'application/x-refused', 'hi', 'failed'),
    ...of('large.png', 'image/png', `\x89PNG\r\n\x1a\n${'x'.repeat(2_000)}`, 'failed'),
  ]
}

function transformsOf(t: Test): string {
  const folder = t.testdir({ 'refusing.mjs': TRANSFORM, 'instance.mjs': INSTANCE })
  return JSON.stringify({
    rules: [
      { module: path.join(folder, 'refusing.mjs'), contentType: 'application/x-refused' },
      { transform: 'image', contentType: 'image/*', options: { maxBytes: 1_024 } },
    ],
  })
}

t.test('a worker survives uploads whose bodies are not read', async t => {
  const { aws } = await startPipeline(t)
  const { url } = await buildTestApi(t, aws, { env: { LOG_LEVEL: 'error' } })
  const { accessToken } = await aws.signIn()
  const authorization = `Bearer ${accessToken}`
  const program = runProgram(t, [worker], { env: { ...aws.env, ...PROMPT, TRANSFORMS: transformsOf(t) } })

  const ids = new Map<string, Unread>()
  const waiting = unread(12)
  async function post(): Promise<void> {
    for (let upload = waiting.pop(); upload; upload = waiting.pop()) {
      const headers = { authorization, 'content-type': upload.contentType }
      const asked = `${url}/uploads?filename=${upload.filename}`
      const response = await fetch(asked, { method: 'POST', headers, body: upload.content })
      ids.set(((await response.json()) as { uploadId: string }).uploadId, upload)
    }
  }
  await Promise.all(Array.from({ length: 6 }, post))

  const deadline = performance.now() + 120_000
  for (const [id, { filename, status }] of ids) {
    let shown = 'unknown'
    while (shown !== 'processed' && shown !== 'failed' && isAlive(program.pid) && performance.now() < deadline) {
      const response = await fetch(`${url}/uploads/${id}?wait=20`, { headers: { authorization } })
      shown = ((await response.json()) as { status: string }).status
    }
    t.equal(shown, status, filename)
  }

  program.child.kill('SIGTERM')
  t.same(await program.ended, { code: 0, signal: null })
  t.notMatch(program.stdout(), 'uncaught error')
})

/** Stores uploads as the api does, and returns their records. */
async function store(pipeline: Pipeline, uploads: readonly Unread[]): Promise<UploadRecord[]> {
  return Promise.all(
    uploads.map(({ filename, contentType, content }) => pipeline.upload(content, { filename, contentType })),
  )
}

t.test('a Lambda function survives uploads whose bodies are not read', async t => {
  const pipeline = await startPipeline(t)
  const uploads = unread(8)
  const records = await store(pipeline, uploads)
  const event = kinesisEvent(records.map(upload => ({ ...streamRecord(upload), partitionKey: upload.uploadId })))
  const TRANSFORMS = transformsOf(t)
  const folder = t.testdirName
  const instance = runProgram(t, [path.join(folder, 'instance.mjs')], {
    env: { ...pipeline.aws.env, ENTRY: lambda, EVENT: JSON.stringify(event), TRANSFORMS },
  })
  t.same(await instance.ended, { code: 0, signal: null })
  t.match(instance.stdout(), 'answer {"batchItemFailures":[]}')
  for (const [index, upload] of records.entries()) {
    t.equal((await pipeline.store.get(upload))?.status, uploads[index]?.status, upload.filename)
  }
})
