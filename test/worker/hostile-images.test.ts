import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, loadavg } from 'node:os'
import path from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { names } from '../../services/platform/resources.ts'
import { createPublisher } from '../../services/uploads/events/publisher.ts'
import { eventOf, type UploadRecord } from '../../services/uploads/records/record.ts'
import { descendants, isAlive, runProgram, until } from '../support/processes.ts'
import { startPipeline } from './pipeline.ts'
import { deepAvif, flat, jpegOfScans } from './transforms/hostile-images.ts'

const MIB = 1024 ** 2
const LIMIT_MIB = 1_024
const CGROUPS = '/sys/fs/cgroup/memory'
const worker = path.resolve(import.meta.dirname, '../../services/worker/worker.ts')

/** Maximum time of a text. On a busy machine a text takes longer, even without images. */
const longestMs = (loadavg()[0] ?? 0) > 2 * availableParallelism() ? 10_000 : 2_000

/** Creates a cgroup with the memory limit. Returns undefined if the system does not allow that. */
function limitedGroup(t: Test): string | undefined {
  const group = `${CGROUPS}/headgate-${process.pid}`
  try {
    mkdirSync(group)
    writeFileSync(`${group}/memory.limit_in_bytes`, String(LIMIT_MIB * MIB))
  } catch {
    return undefined
  }
  t.teardown(async () => {
    await until(() => readFileSync(`${group}/cgroup.procs`, 'utf8') === '', { what: 'the end of the group' })
    rmdirSync(group)
  })
  return `${group}/cgroup.procs`
}

function residentMiB(pid: number): number {
  const status = existsSync(`/proc/${pid}/status`) ? readFileSync(`/proc/${pid}/status`, 'utf8') : ''
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1_024
}

t.test(
  'a worker of 1,024 MiB survives images made to exhaust its memory, and keeps processing texts quickly',
  async t => {
    const { aws, store, upload } = await startPipeline(t)
    const publisher = createPublisher({ kinesis: aws.kinesis, stream: names.stream, timeoutMs: 20_000 })
    const group = limitedGroup(t)
    if (group === undefined) t.comment('no cgroup can be created here, so the memory is measured and not limited')
    const dir = t.testdir({
      'modules.mjs': `
      const main = apply => ({ name: 'own', version: '1', apply })
      export const endless = main(() => { for (;;); })
      export const exiting = main(() => process.exit(0))
      export const uncaught = main(() => { setImmediate(() => { throw new Error('uncaught') }); return new Promise(() => {}) })
      export const greedy = main(async () => { for (const kept = []; ; await new Promise(setImmediate)) kept.push(Buffer.alloc(4e6, 1)) })`,
    })
    const module = path.join(dir, 'modules.mjs')
    const rules = ['endless', 'exiting', 'uncaught', 'greedy'].map(name => ({
      filename: `*.${name}`,
      module,
      export: name,
      timeoutSeconds: 2,
    }))
    const program = `
    if (${JSON.stringify(group ?? '')}) require('node:fs').writeFileSync(${JSON.stringify(group ?? '')}, String(process.pid))
    import(${JSON.stringify(worker)})`
    const env = { ...aws.env, TRANSFORMS: JSON.stringify({ rules }) }
    const { pid, stdout, stderr } = runProgram(t, ['-e', program], { env })

    const send = async (content: string | Uint8Array, change: Partial<UploadRecord>) => {
      const record = await upload(content, change)
      await publisher.publish(eventOf(record))
      return record
    }
    const ends = async (record: UploadRecord) => {
      for (;;) {
        const stored = await store.get(record)
        if (stored?.status === 'processed' || stored?.status === 'failed') return stored
        if (!isAlive(pid)) throw new Error(`The worker is dead: ${stdout()}${stderr()}`)
        await pass(25)
      }
    }
    const timeText = async () => {
      const at = performance.now()
      t.match(await ends(await send('hello', { owner: 'quiet' })), { status: 'processed' })
      return performance.now() - at
    }
    await timeText()
    const idle = Math.max(await timeText(), await timeText(), await timeText())

    const avif = deepAvif()
    const scans = await jpegOfScans(1_500, 20_000)
    const many = await flat(3_000).jpeg({ progressive: true }).toBuffer()
    const hostile = [
      ...Array.from({ length: 5 }, () => send(scans, { owner: 'loud', filename: 'a.jpg', contentType: 'image/jpeg' })),
      ...Array.from({ length: 5 }, () => send(avif, { owner: 'loud', filename: 'a.avif', contentType: 'image/avif' })),
      ...Array.from({ length: 2 }, () => send(many, { owner: 'loud', filename: 'b.jpg', contentType: 'image/jpeg' })),
      ...rules.map(({ export: name }) => send('x', { owner: 'loud', filename: `a.${name}` })),
    ]
    let isOver = false
    let [maxOfWorker, maxOfAll] = [0, 0]
    const measuring = (async () => {
      while (!isOver) {
        const own = residentMiB(pid)
        maxOfWorker = Math.max(maxOfWorker, own)
        maxOfAll = Math.max(maxOfAll, own + descendants(pid).reduce((sum, child) => sum + residentMiB(child), 0))
        await pass(20)
      }
    })()
    const times: number[] = []
    const texts = (async () => {
      do times.push(await timeText())
      while (!isOver)
    })()
    const ended = await Promise.all(
      hostile.map(async sent => {
        const record = await ends(await sent)
        t.comment(`${record.filename}: ${record.failure?.reason ?? record.status}`)
        return record
      }),
    )
    isOver = true
    await Promise.all([measuring, texts])

    const reasonOf = (extension: string) =>
      ended.filter(({ filename }) => filename.endsWith(extension)).map(({ failure }) => failure?.code ?? 'none')
    t.strictSame(new Set(reasonOf('a.jpg')), new Set(['HEADGATE_TRANSFORM_REFUSED']))
    t.strictSame(new Set(reasonOf('a.avif')), new Set(['HEADGATE_TRANSFORM_REFUSED']))
    t.strictSame(new Set(reasonOf('b.jpg')), new Set(['none']), 'a large valid image is processed')
    t.strictSame(reasonOf('.endless'), ['HEADGATE_TRANSFORM_REFUSED'])
    t.strictSame(reasonOf('.greedy'), ['HEADGATE_TRANSFORM_REFUSED'])
    t.strictSame(reasonOf('.exiting'), ['HEADGATE_POISON_RECORD'])
    t.strictSame(reasonOf('.uncaught'), ['HEADGATE_POISON_RECORD'])
    t.ok(isAlive(pid))
    t.ok(maxOfWorker < 300, `the worker took up to ${maxOfWorker.toFixed(0)} MiB`)
    t.ok(maxOfAll < LIMIT_MIB, `with its processes ${maxOfAll.toFixed(0)} MiB`)
    const slowest = Math.max(...times)
    t.ok(slowest < longestMs, `a text took up to ${slowest.toFixed(0)} ms, before that ${idle.toFixed(0)} ms`)
    t.comment(`texts ${times.map(time => time.toFixed(0)).join(' ')} ms, idle ${idle.toFixed(0)} ms`)
  },
)
