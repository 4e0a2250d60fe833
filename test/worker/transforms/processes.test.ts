import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { outputsOf } from '../../../services/worker/transforms/outputs.ts'
import {
  createTransformProcesses,
  type TransformProcesses,
} from '../../../services/worker/transforms/processes/pool.ts'
import { sizeFor } from '../../../services/worker/transforms/processes/sizing.ts'
import { createTransform, type TransformSource } from '../../../services/worker/transforms/rules/transform-source.ts'
import { isAlive, runProgram, until } from '../../support/processes.ts'
import { make } from './support.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'headgate-processes-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

const processes = createTransformProcesses({ size: 2, graceMs: 10_000, memoryMiB: 256 })
t.teardown(() => processes.close())

const context = (signal = new AbortController().signal) => ({
  upload: { contentType: 'text/plain', mediaType: 'text/plain', filename: 'file', key: 'uploads/file', size: 0 },
  signal,
})

async function* nothing(): AsyncGenerator<Uint8Array> {
  yield* []
}

/** Creates a transform that runs in a process, from the body of `apply(input, { upload, signal })`. */
async function own(body: string, pool: TransformProcesses = processes, limits = { timeoutSeconds: 20 }) {
  const file = path.join(folder, `${crypto.randomUUID()}.mjs`)
  writeFileSync(
    file,
    `import { existsSync } from 'node:fs'
    export default options => ({ name: 'own', version: '1', holds: () => 7, apply(input, { upload, signal }) { ${body} } })`,
  )
  const source: TransformSource = {
    kind: 'module',
    specifier: pathToFileURL(file).href,
    export: 'default',
    options: { flag: path.join(folder, 'flag') },
  }
  return pool.inProcess(await createTransform(source), source, limits)
}

t.test('a transform returns the same outputs in a process as without one', async t => {
  const source: TransformSource = { kind: 'built-in', name: 'csv-to-ndjson', options: {} }
  const inPlace = await createTransform(source)
  const apart = processes.inProcess(inPlace, source, { timeoutSeconds: 20 })
  const parts = [Buffer.from('a,b\n1,2\n3'), Buffer.from('\n4,5\n')]
  t.strictSame(await make(apart, parts), await make(inPlace, parts))
  t.equal((await make(apart, parts)).length, 3)
  t.match(apart, { name: inPlace.name, version: inPlace.version })
})

t.test('large inputs and outputs are passed on, at most a few chunks ahead of the reader', async t => {
  const echo = await own(`return { contentType: upload.contentType, body: input }`)
  t.equal(echo.holds, undefined, 'the transform needs no memory in the worker')
  let given = 0
  async function* input(): AsyncGenerator<Uint8Array> {
    for (; given < 300; given++) yield Buffer.alloc(10_000, given % 256)
  }
  let taken = 0
  for await (const { body, contentType } of outputsOf(echo, input(), context())) {
    t.equal(contentType, 'text/plain')
    for await (const chunk of body) {
      if (!Buffer.from(chunk).equals(Buffer.alloc(10_000, taken % 256))) t.fail(`chunk ${taken}`)
      taken++
      if (taken % 100 === 0) await pass(20)
      if (given - taken > 5) t.fail(`${given - taken} chunks ahead`)
    }
  }
  t.equal(taken, 300)
})

t.test('the input is not modified, even if its chunks share memory', async t => {
  const echo = await own(`return { contentType: 'a/b', body: input }`)
  const memory = Buffer.from('abcdef')
  const [main] = await make(echo, [memory.subarray(0, 3), memory.subarray(3)])
  t.equal(main?.bytes.toString(), 'abcdef')
  t.equal(memory.toString(), 'abcdef')
})

t.test('the event loop stays free while a transform computes without a pause', async t => {
  const flag = path.join(folder, 'flag')
  // The transform ends when a timer of this event loop writes a file. If it blocked the event loop, the test would hang.
  const busy = await own(
    `while (!existsSync(options.flag)); return { contentType: 'a/b', body: [Buffer.from('done')] }`,
  )
  let ticks = 0
  const timer = setInterval(() => {
    if (++ticks === 20) writeFileSync(flag, '')
  }, 10)
  t.teardown(() => clearInterval(timer))
  const [main] = await make(busy, [])
  t.equal(main?.bytes.toString(), 'done')
  t.ok(ticks >= 20)
  rmSync(flag)
})

t.test('an abort ends a transform that handles its signal, and the process of one that does not', async t => {
  const heeding = await own(`return { contentType: 'a/b', body: (async function* () {
    yield Buffer.from('a')
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('heeded'))))
  })() }`)
  const hasty = createTransformProcesses({ size: 1, graceMs: 50 })
  t.teardown(() => hasty.close())
  const deaf = await own(
    `return { contentType: 'a/b', body: (async function* () { yield Buffer.from('a'); for (;;); })() }`,
    hasty,
  )
  for (const [transform, message] of [
    [heeding, /heeded/],
    [deaf, /aborted|terminat/i],
  ] as const) {
    const aborter = new AbortController()
    const outputs = outputsOf(transform, nothing(), context(aborter.signal))
    const reading = (async () => {
      for await (const { body } of outputs) for await (const _ of body) aborter.abort()
    })()
    await t.rejects(reading, { message })
  }
  const echo = await own(`return { contentType: 'a/b', body: input }`, hasty)
  t.equal((await make(echo, [Buffer.from('x')]))[0]?.bytes.toString(), 'x', 'another process replaces it')
})

t.test('a process becomes free if the outputs of its transform are not read to the end', async t => {
  const endless = await own(
    `return { contentType: 'a/b', body: (async function* () { for (;;) yield Buffer.alloc(10) })() }`,
  )
  for (let round = 0; round < 5; round++) {
    for await (const { body } of outputsOf(endless, nothing(), context())) {
      for await (const _ of body) break
      break
    }
  }
  t.pass('five transforms ran in two processes')
})

t.test('an error of a transform is thrown with its properties', async t => {
  const refusing = await own(
    `return { contentType: 'a/b', body: (async function* () { throw Object.assign(new Error('Not this.'), { code: 'HEADGATE_TRANSFORM_REFUSED' }) })() }`,
  )
  await t.rejects(make(refusing, []), {
    name: 'TransformError',
    code: 'HEADGATE_TRANSFORM_REFUSED',
    message: 'Not this.',
  })
  const failing = await own(`throw Object.assign(new RangeError('later'), { code: 'ELATER' })`)
  await t.rejects(make(failing, []), { name: 'RangeError', code: 'ELATER', message: 'later' })
  const invalid = await own(`return { contentType: 'a/b', body: 'text' }`)
  await t.rejects(make(invalid, []), { name: 'InvalidOutputError', code: 'HEADGATE_INVALID_OUTPUT' })
  const stray = await own(
    `setImmediate(() => { throw new Error('stray') }); return { contentType: 'a/b', body: new Promise(() => {}) && (async function* () { await new Promise(() => {}) })() }`,
  )
  await t.rejects(make(stray, []), { code: 'HEADGATE_PROCESS_ENDED', cause: { message: 'stray' } })
  const rejected = await own(
    `Promise.reject(new Error('unheard')); return { contentType: 'a/b', body: (async function* () { await new Promise(() => {}) })() }`,
  )
  await t.rejects(make(rejected, []), { code: 'HEADGATE_PROCESS_ENDED', cause: { message: 'unheard' } })
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('a')
    throw new Error('connection reset')
  }
  const echo = await own(`return { contentType: 'a/b', body: input }`)
  const read = async () => {
    for await (const { body } of outputsOf(echo, broken(), context())) for await (const _ of body);
  }
  await t.rejects(read(), { message: 'connection reset' })
})

t.test('content that needs more JavaScript heap than the process has is refused', async t => {
  const pool = createTransformProcesses({ size: 1, memoryMiB: 256 })
  t.teardown(() => pool.close())
  const greedy = await own(
    `const kept = []; for (let n = 0; ; n++) kept.push(Array.from({ length: 1000 }, () => ({ n })))`,
    pool,
  )
  await t.rejects(make(greedy, []), {
    code: 'HEADGATE_TRANSFORM_REFUSED',
    message: /needs more memory for this content than the \d+ MiB/,
  })
})

t.test('content that needs more memory outside the heap than the process has is refused', async t => {
  const pool = createTransformProcesses({ size: 1, memoryMiB: 192 })
  t.teardown(() => pool.close())
  const greedy = await own(
    `return { contentType: 'a/b', body: (async function* () {
      const kept = []
      for (;;) { kept.push(Buffer.alloc(4e6, 1)); await new Promise(resolve => setTimeout(resolve, 1)) }
    })() }`,
    pool,
  )
  const refusal = { message: /needs more memory for this content than the 192 MiB that its process may have/ }
  await t.rejects(make(greedy, []), { code: 'HEADGATE_TRANSFORM_REFUSED', ...refusal })
  const echo = await own(`return { contentType: 'a/b', body: input }`, pool)
  await make(echo, [Buffer.from('x')])
  await t.rejects(make(greedy, []), { code: 'HEADGATE_PROCESS_LIMIT', ...refusal }, 'another upload may have filled it')
})

t.test('the exit of a process is distinguished from an error of the transform, and another process starts', async t => {
  for (const [last, how] of [
    ['process.exit(3)', /with code 3/],
    [`process.kill(process.pid, 'SIGSEGV')`, /by SIGSEGV/],
    ['process.abort()', /by SIG/],
  ] as const) {
    const ending = await own(
      `return { contentType: 'a/b', body: (async function* () { yield Buffer.from('a'); ${last}; await new Promise(() => {}) })() }`,
    )
    await t.rejects(make(ending, []), { code: 'HEADGATE_PROCESS_ENDED', message: how })
  }
})

t.test('the end of a process ends the programs that its module started, without waiting for them', async t => {
  const pool = createTransformProcesses({ size: 1 })
  t.teardown(() => pool.close())
  const pidFile = path.join(folder, 'helper')
  // The helper has the standard error of the process, so that the pipe stays open for as long as the helper runs.
  const leaving = (detached: boolean) =>
    own(
      `return { contentType: 'a/b', body: (async function* () {
        const [{ spawn }, { writeFileSync }] = await Promise.all([import('node:child_process'), import('node:fs')])
        const { pid } = spawn('sleep', ['120'], { stdio: 'inherit', detached: ${detached} })
        writeFileSync(${JSON.stringify(pidFile)}, String(pid))
        process.exit(3)
      })() }`,
      pool,
    )
  await t.rejects(make(await leaving(false), []), { code: 'HEADGATE_PROCESS_ENDED', message: /with code 3/ })
  await until(() => !isAlive(Number(readFileSync(pidFile, 'utf8'))))
  await t.rejects(
    make(await leaving(true), []),
    { code: 'HEADGATE_PROCESS_ENDED' },
    'also with a program that left the process group',
  )
  process.kill(Number(readFileSync(pidFile, 'utf8')))
  const echo = await own(`return { contentType: 'a/b', body: input }`, pool)
  t.equal((await make(echo, [Buffer.from('x')]))[0]?.bytes.toString(), 'x', 'the next upload has a process')
})

t.test('work that an upload left in a process does not count against another upload', async t => {
  const pool = createTransformProcesses({ size: 1, wallPerCpu: 100 })
  t.teardown(() => pool.close())
  const leaving = (what: string) =>
    own(`setTimeout(() => { ${what} }, 1000); return { contentType: 'a/b', body: [Buffer.from('a')] }`, pool)
  const innocent = await own(`return { contentType: 'a/b', body: input }`, pool, { timeoutSeconds: 0.5 })
  async function* late(): AsyncGenerator<Uint8Array> {
    // Waits until the work that was left has started.
    await pass(2_000)
    yield Buffer.from('x')
  }
  const makeInnocent = async () => {
    for await (const { body } of outputsOf(innocent, late(), context())) for await (const _ of body);
  }
  for (const [what, code] of [
    ['for (;;);', 'HEADGATE_PROCESS_LIMIT'],
    [`throw new Error('late')`, 'HEADGATE_PROCESS_ENDED'],
  ] as const) {
    const guilty = await leaving(what)
    await make(guilty, [], { key: 'uploads/guilty' })
    await t.rejects(makeInnocent(), { code, wasUsed: true })
    // In a process that another upload has used, the retry would fail too.
    await make(guilty, [], { key: 'uploads/guilty' })
    await t.resolves(makeInnocent(), 'the retry has a new process')
  }
})

t.test(
  'if a process can not be started without file descriptors, the upload fails and the next one succeeds',
  async t => {
    const pool = path.resolve(import.meta.dirname, '../../../services/worker/transforms/processes/pool.ts')
    const program = `const { createTransformProcesses } = await import(${JSON.stringify(pool)})
    const { openSync, closeSync } = await import('node:fs')
    const source = { kind: 'built-in', name: 'copy', options: {} }
    const apart = createTransformProcesses({ size: 1 }).inProcess({ name: 'copy', version: '1' }, source, { timeoutSeconds: 60 })
    const upload = { contentType: 'a/b', mediaType: 'a/b', filename: 'f', key: 'k', size: 0 }
    const read = async () => {
      for await (const { body } of apart.apply((async function* () {})(), { upload, signal: new AbortController().signal }))
        for await (const _ of body);
      return 'done'
    }
    const taken = []
    try { for (;;) taken.push(openSync('/dev/null')) } catch {}
    const refused = await read().catch(error => error.code)
    for (const fd of taken) closeSync(fd)
    console.log(refused, await read())
    process.exit(0)`
    const limited = spawn('prlimit', ['--nofile=128', process.execPath, '--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let said = ''
    limited.stdout.on('data', (bytes: Buffer) => {
      said += bytes.toString()
    })
    const [code] = await once(limited, 'close')
    t.strictSame([code, said], [0, 'HEADGATE_PROCESS_START done\n'])
  },
)

t.test('content that takes too much CPU time is refused', async t => {
  const pool = createTransformProcesses({ size: 1, wallPerCpu: 100 })
  t.teardown(() => pool.close())
  const endless = await own('for (;;);', pool, { timeoutSeconds: 0.5 })
  await t.rejects(make(endless, [Buffer.from('x')]), {
    code: 'HEADGATE_TRANSFORM_REFUSED',
    message: 'The transform needs more CPU time for this content than the 0.5 s that it may use without progress.',
  })
})

t.test('a transform that makes no progress without using CPU time is ended', async t => {
  const pool = createTransformProcesses({ size: 1 })
  t.teardown(() => pool.close())
  const stalled = await own('return new Promise(() => {})', pool, { timeoutSeconds: 0.1 })
  await t.rejects(make(stalled, []), { code: 'HEADGATE_PROCESS_LIMIT', message: /made no progress/ })
})

t.test('time that a transform waits for its input or the reader of its output does not count', async t => {
  const pool = createTransformProcesses({ size: 1 })
  t.teardown(() => pool.close())
  const echo = await own(`return { contentType: 'a/b', body: input }`, pool, { timeoutSeconds: 0.1 })
  async function* slow(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('a')
    await pass(600)
    yield Buffer.alloc(1e6, 'b')
  }
  let bytes = 0
  for await (const { body } of outputsOf(echo, slow(), context())) {
    for await (const chunk of body) {
      if (bytes < 2) await pass(600)
      bytes += chunk.byteLength
    }
  }
  t.equal(bytes, 1e6 + 1)
})

t.test('processes end when their parent is killed, even if they compute without a pause', async t => {
  const busy = path.join(folder, 'busy.mjs')
  const pidFile = path.join(folder, 'pid')
  writeFileSync(
    busy,
    `import { writeFileSync } from 'node:fs'
    export default { name: 'busy', version: '1', apply() { writeFileSync(${JSON.stringify(pidFile)}, String(process.pid)); for (;;); } }`,
  )
  const module = (file: string) =>
    JSON.stringify(path.resolve(import.meta.dirname, '../../../services/worker/transforms', file))
  const parent = runProgram(t, [
    '--input-type=module',
    '-e',
    `const { createTransformProcesses } = await import(${module('processes/pool.ts')})
    const { createTransform } = await import(${module('rules/transform-source.ts')})
    const source = { kind: 'module', specifier: ${JSON.stringify(pathToFileURL(busy).href)}, export: 'default', options: undefined }
    const apart = createTransformProcesses({ size: 1 }).inProcess(await createTransform(source), source, { timeoutSeconds: 60 })
    for await (const _ of apart.apply((async function* () {})(), { upload: {}, signal: new AbortController().signal }));`,
  ])
  await until(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8') !== '', { timeoutMs: 30_000 })
  const pid = Number(readFileSync(pidFile, 'utf8'))
  t.ok(isAlive(pid))
  parent.child.kill('SIGKILL')
  await parent.ended
  await until(() => !isAlive(pid))
  t.notOk(isAlive(pid))
})

t.test('processes have a low priority, and the system kills them before the worker if memory runs out', async t => {
  const telling = await own(`return { contentType: 'a/b', body: [Buffer.from(String(process.pid))].values() }`)
  const [main] = await make(telling, [])
  const pid = Number(main?.bytes.toString())
  const nice = readdirSync(`/proc/${pid}/task`).map(
    thread => readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1').split(') ')[1]?.split(' ')[16],
  )
  t.strictSame(new Set(nice), new Set(['10']), 'every thread')
  t.equal(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8').trim(), '1000')
  const session = `/proc/${pid}/autogroup`
  if (!existsSync(session)) return t.comment('this kernel does not share the processors among sessions')
  await until(() => readFileSync(session, 'utf8').endsWith(' nice 10\n'), { what: 'the low priority of the session' })
})

t.test('a process stays alive for the next upload, and ends after it was idle', async t => {
  const pool = createTransformProcesses({ size: 2, idleMs: 200 })
  t.teardown(() => pool.close())
  const telling = await own(`return { contentType: 'a/b', body: [Buffer.from(String(process.pid))] }`, pool)
  const pidOf = async () => Number((await make(telling, []))[0]?.bytes.toString())
  const pid = await pidOf()
  t.equal(await pidOf(), pid)
  await until(() => !isAlive(pid))
  t.not(await pidOf(), pid)
})

t.test('the available memory is divided among processes', async t => {
  t.strictSame(sizeFor(1_024, 2), { size: 2, memoryMiB: 352 })
  t.strictSame(
    sizeFor(1_024, 1),
    { size: 2, memoryMiB: 352 },
    'two processes, so that not all uploads wait for a slow one',
  )
  t.strictSame(sizeFor(512, 2), { size: 1, memoryMiB: 192 })
  t.strictSame(sizeFor(65_536, 16), { size: 16, memoryMiB: 1_024 })
})

t.test('close ends transforms in flight', async t => {
  const pool = createTransformProcesses({ size: 1 })
  const hanging = await own(
    `return { contentType: 'a/b', body: (async function* () { yield Buffer.from('a'); for (;;); })() }`,
    pool,
  )
  const outputs = outputsOf(hanging, nothing(), context())
  const reading = (async () => {
    for await (const { body } of outputs) for await (const _ of body) void pool.close()
  })()
  await t.rejects(reading)
})
