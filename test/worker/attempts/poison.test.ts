import path from 'node:path'
import t from 'tap'
import { names } from '../../../services/platform/resources.ts'
import { createDeadLetterArchive } from '../../../services/worker/dead-letters/archive.ts'
import { buildTestApi } from '../../api/support.ts'
import { startAws } from '../../support/aws.ts'
import { type Program, runProgram } from '../../support/processes.ts'

const UPLOADS = 40
const WORKERS = 2
const worker = path.resolve(import.meta.dirname, '../../../services/worker/worker.ts')

/** A transform that ends the process that processes `poison.txt`: by a signal, by an exit, or by an uncaught error. */
const TRANSFORM = `
import { appendFileSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
const deaths = new URL('deaths.txt', import.meta.url)
export default {
  name: 'deadly',
  version: '1',
  async *apply(input, { upload, signal }) {
    // Long enough that other uploads are in flight at the same time.
    await delay(50, undefined, { signal })
    if (upload.filename === 'poison.txt') {
      appendFileSync(deaths, 'x')
      const kind = readFileSync(deaths).length % 3
      if (kind === 0) process.kill(process.pid, 'SIGKILL')
      if (kind === 1) process.exit(1)
      setImmediate(() => {
        throw new Error('uncaught')
      })
      await new Promise(() => {})
    }
    yield { contentType: 'text/plain', body: input }
  },
}
`

t.test('an upload that kills every worker becomes a dead letter, and all other uploads are processed', async t => {
  const aws = await startAws(t)
  const { url } = await buildTestApi(t, aws, { env: { LOG_LEVEL: 'error' } })
  const { accessToken } = await aws.signIn()
  const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' }
  const upload = async (filename: string): Promise<string> => {
    const body = JSON.stringify({ filename, content: `of ${filename}` })
    const response = await fetch(`${url}/uploads`, { method: 'POST', headers, body })
    t.equal(response.status, 200)
    return ((await response.json()) as { uploadId: string }).uploadId
  }
  interface Shown {
    status: string
    failure?: { code: string; reason: string }
  }
  const show = async (id: string) => (await (await fetch(`${url}/uploads/${id}`, { headers })).json()) as Shown

  const ids: string[] = []
  for (let n = 0; n < UPLOADS; n++) ids.push(await upload(n === UPLOADS / 2 ? 'poison.txt' : `${n}.txt`))
  const [poison = ''] = ids.splice(UPLOADS / 2, 1)

  const folder = t.testdir({ 'deadly.mjs': TRANSFORM })
  const env = {
    ...aws.env,
    FAILOVER_TIME_MS: '2000',
    SHUTDOWN_TIMEOUT_MS: '6000',
    TRANSFORMS: JSON.stringify({
      rules: [{ module: path.join(folder, 'deadly.mjs'), contentType: 'text/plain', inline: true }],
    }),
  }
  // Restarts workers that died, as an orchestrator does.
  let isOver = false
  let deaths = 0
  const programs: Program[] = []
  async function keepRunning(): Promise<void> {
    while (!isOver) {
      const program = runProgram(t, [worker], { env })
      programs.push(program)
      await program.ended
      if (!isOver) deaths++
    }
  }
  const running = Array.from({ length: WORKERS }, keepRunning)

  let shown = await show(poison)
  const deadline = performance.now() + 120_000
  while (shown.status !== 'failed' && performance.now() < deadline) {
    await new Promise(resolve => setTimeout(resolve, 200))
    shown = await show(poison)
  }
  t.match(shown, { status: 'failed', failure: { code: 'HEADGATE_POISON_RECORD', reason: /4 workers in a row died/ } })
  let left = ids
  while (left.length > 0 && performance.now() < deadline) {
    const statuses = await Promise.all(left.map(show))
    left = left.filter((_, index) => statuses[index]?.status !== 'processed')
  }
  t.same(left, [], 'every other upload is processed')
  t.ok(deaths >= 4 && deaths < 10, `${deaths} deaths: four that are counted, and one before the record was suspect`)

  const archive = createDeadLetterArchive({ s3: aws.s3, bucket: names.processedBucket, stream: names.stream })
  const letters = await Array.fromAsync(archive.list({}))
  t.match(letters, [{ letter: { error: { code: 'HEADGATE_POISON_RECORD' }, upload: { uploadId: poison } } }])

  isOver = true
  for (const { child } of programs) child.kill('SIGTERM')
  await Promise.all(running)
})
