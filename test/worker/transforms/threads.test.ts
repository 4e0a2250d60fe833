import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { outputsOf } from '../../../services/worker/transforms/outputs.ts'
import { createTransform, type TransformSource } from '../../../services/worker/transforms/rules/transform-source.ts'
import { createTransformThreads, type TransformThreads } from '../../../services/worker/transforms/threads/pool.ts'
import { make } from './support.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'headgate-threads-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

const threads = createTransformThreads({ size: 2, graceMs: 50, heapMiB: 64 })
t.teardown(() => threads.close())

const context = (signal = new AbortController().signal) => ({
  upload: { contentType: 'text/plain', filename: 'file', key: 'uploads/file', size: 0 },
  signal,
})

async function* nothing(): AsyncGenerator<Uint8Array> {
  yield* []
}

/** A module with this body of `apply(input, { upload, signal })`, on a thread. */
async function own(body: string, pool: TransformThreads = threads) {
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
  return pool.onThread(await createTransform(source), source)
}

t.test('a transform does the same on a thread as off it, with all its outputs', async t => {
  const source: TransformSource = { kind: 'shipped', name: 'csv-to-ndjson', options: {} }
  const inPlace = await createTransform(source)
  const onThread = threads.onThread(inPlace, source)
  const parts = [Buffer.from('a,b\n1,2\n3'), Buffer.from('\n4,5\n')]
  t.strictSame(await make(onThread, parts), await make(inPlace, parts))
  t.equal((await make(onThread, parts)).length, 2)
  t.match(onThread, { name: inPlace.name, version: inPlace.version })
})

t.test('large inputs and outputs go through whole, and no further ahead than a few chunks', async t => {
  const echo = await own(`return { contentType: upload.contentType, body: input }`)
  t.equal(echo.holds?.(context().upload), 7, 'what is asked before is asked here')
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

t.test('the bytes that were given stay as they are, also where they share their memory', async t => {
  const echo = await own(`return { contentType: 'a/b', body: input }`)
  const memory = Buffer.from('abcdef')
  const [main] = await make(echo, [memory.subarray(0, 3), memory.subarray(3)])
  t.equal(main?.bytes.toString(), 'abcdef')
  t.equal(memory.toString(), 'abcdef')
})

t.test('work that never lets go of its thread holds up nothing here', async t => {
  const flag = path.join(folder, 'flag')
  // It ends by a file that only this event loop writes, in time: held up by the work, it never would.
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

t.test('the signal ends work that heeds it, and the thread of what does not', async t => {
  const heeding = await own(`return { contentType: 'a/b', body: (async function* () {
    yield Buffer.from('a')
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('heeded'))))
  })() }`)
  const deaf = await own(
    `return { contentType: 'a/b', body: (async function* () { yield Buffer.from('a'); for (;;); })() }`,
  )
  for (const [transform, message] of [
    [heeding, /heeded/],
    [deaf, /aborted|terminat/i],
  ] as const) {
    const calledOff = new AbortController()
    const outputs = outputsOf(transform, nothing(), context(calledOff.signal))
    const reading = (async () => {
      for await (const { body } of outputs) for await (const _ of body) calledOff.abort()
    })()
    await t.rejects(reading, { message })
  }
  const echo = await own(`return { contentType: 'a/b', body: input }`)
  t.equal((await make(echo, [Buffer.from('x')]))[0]?.bytes.toString(), 'x', 'another thread takes its place')
})

t.test('one that is read no further ends, and gives its thread back', async t => {
  const endless = await own(
    `return { contentType: 'a/b', body: (async function* () { for (;;) yield Buffer.alloc(10) })() }`,
  )
  for (let round = 0; round < 5; round++) {
    for await (const { body } of outputsOf(endless, nothing(), context())) {
      for await (const _ of body) break
      break
    }
  }
  t.pass('five, on two threads')
})

t.test('what is thrown on a thread is thrown here', async t => {
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
  await t.rejects(make(stray, []), { message: 'stray' })
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

t.test('one that needs more memory than it has is refused, and the process lives', async t => {
  const greedy = await own(
    `const kept = []; for (let n = 0; ; n++) kept.push(Array.from({ length: 1000 }, () => ({ n })))`,
  )
  await t.rejects(make(greedy, []), {
    code: 'HEADGATE_TRANSFORM_REFUSED',
    message: /needs more memory for this content than the 64 MiB/,
  })
})

t.test('a thread that ends by itself is told from one that fails, and another takes its place', async t => {
  const exiting = await own(`return { contentType: 'a/b', body: (async function* () {
    yield Buffer.from('a')
    process.exit(3)
  })() }`)
  for (let time = 0; time < 3; time++) {
    await t.rejects(make(exiting, []), { code: 'HEADGATE_THREAD_ENDED', cause: { message: /code: 3/ } })
  }
})

t.test('closing ends what is under way', async t => {
  const pool = createTransformThreads({ size: 1 })
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
