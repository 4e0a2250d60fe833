import { randomBytes, randomUUID } from 'node:crypto'
import t from 'tap'
import {
  linesOf,
  runTransform,
  type Transform,
  TransformError,
  textOf,
} from '../../../services/worker/transforms/author/index.ts'
import { seededRandom } from '../../uploads/examples.ts'
import { growthOf } from './growth.ts'
import { cut } from './support.ts'

const own = (apply: Transform['apply'], more: object = {}): Transform => ({ name: 'own', version: '1', apply, ...more })
const echo = own((input, { upload }) => ({ contentType: upload.contentType, body: input }))

t.test('runTransform runs a transform on a string or bytes, as the worker does', async t => {
  t.match(await runTransform(echo, 'é'), [{ name: 'main', contentType: 'application/octet-stream', text: 'é' }])
  t.match(await runTransform(echo, new Uint8Array([1, 2]), { contentType: 'a/b' }), [
    { contentType: 'a/b', bytes: Buffer.from([1, 2]) },
  ])
  const describing = own((_, { upload }) => ({ contentType: 'a/b', body: [Buffer.from(JSON.stringify(upload))] }))
  const [main] = await runTransform(describing, 'abc', {
    filename: 'x.txt',
    key: 'uploads/x.txt',
    contentEncoding: 'gzip',
  })
  const upload = {
    mediaType: 'text/plain',
    contentType: 'application/octet-stream',
    filename: 'x.txt',
    key: 'uploads/x.txt',
    contentEncoding: 'gzip',
    size: 3,
  }
  t.strictSame(JSON.parse(main?.text ?? ''), upload)
})

t.test('runTransform rejects a transform whose second run has other outputs', async t => {
  let runs = 0
  const counting = own(() => ({ contentType: 'a/b', body: [Buffer.from(String(++runs))] }))
  await t.rejects(runTransform(counting, 'x'), {
    code: 'HEADGATE_TRANSFORM_TEST',
    message: /"main" differed in the second run/,
  })
  await t.resolves(runTransform(counting, 'x', { once: true }))
  const byChunks = own(input => ({
    contentType: 'a/b',
    body: (async function* () {
      for await (const chunk of input) yield Buffer.from(`${chunk.length}\n`)
    })(),
  }))
  await t.rejects(runTransform(byChunks, 'more than seven bytes'), { code: 'HEADGATE_TRANSFORM_TEST' })
  const growing = own(async function* () {
    yield { contentType: 'a/b', body: [] }
    if (++runs % 2 === 0) yield { name: 'more', contentType: 'a/b', body: [] }
  })
  await t.rejects(runTransform(growing, 'x'), { message: /the first run had \d outputs, the second \d/ })
})

t.test('runTransform cuts an upload of a few bytes into single bytes, and a large one into odd chunks', async t => {
  const sizes: number[][] = []
  const measuring = own((input, { upload }) => ({
    contentType: 'a/b',
    body: (async function* () {
      const lengths: number[] = []
      for await (const { length } of input) lengths.push(length)
      sizes.push(lengths)
      yield Buffer.from(String(upload.size))
    })(),
  }))
  await runTransform(measuring, 'é!')
  t.strictSame(sizes, [[3], [1, 1, 1]])
  await runTransform(measuring, '')
  t.strictSame(sizes.slice(2), [[], []])
  await runTransform(measuring, 'x'.repeat(15_000))
  t.strictSame(sizes[5]?.slice(0, 2), [3, 3])
  const broken = own(input => ({
    contentType: 'a/b',
    body: (async function* () {
      for await (const chunk of input) yield Buffer.from(Buffer.from(chunk).toString())
    })(),
  }))
  await t.rejects(runTransform(broken, 'é'), {
    code: 'HEADGATE_TRANSFORM_TEST',
    message: /"main" differed in the second run\. The second run got the same bytes in other chunks\.$/,
  })
})

t.test('runTransform rejects outputs that depend on the time or on random values, and names the calls', async t => {
  const values: Record<string, () => unknown> = {
    'Date.now()': () => Date.now(),
    'new Date()': () => new Date().getFullYear(),
    'Date()': () => Date(),
    'performance.now()': () => Math.round(performance.now() / 3_600_000),
    'process.hrtime()': () => Math.round(process.hrtime()[0] / 3_600),
    'process.hrtime.bigint()': () => process.hrtime.bigint() / 3_600_000_000_000n,
    'Math.random()': () => Math.random(),
    'crypto.randomUUID()': () => crypto.randomUUID(),
    'crypto.getRandomValues()': () => crypto.getRandomValues(new Uint8Array(16)),
    'randomUUID()': () => randomUUID(),
    'randomBytes()': () => randomBytes(16).toString('hex'),
  }
  for (const [call, value] of Object.entries(values)) {
    const stamping = own((_, { upload }) => ({
      contentType: 'a/b',
      body: (async function* () {
        yield Buffer.from(`${upload.filename} ${value()}`)
      })(),
    }))
    const hint = `The transform called ${call}: the outputs must not depend on the time or on random values.`
    const error = await runTransform(stamping, 'x').catch((error: unknown) => error)
    t.match(error, { code: 'HEADGATE_TRANSFORM_TEST' }, call)
    t.ok(String(error).endsWith(`"main" differed in the second run. ${hint}`), String(error))
  }
  const loadedAt = Date.now()
  const expiring = own(() => {
    if (Date.now() > loadedAt + 60_000) throw new TransformError('Too late.')
    return { contentType: 'a/b', body: [] }
  })
  await t.rejects(runTransform(expiring, 'x'), {
    code: 'HEADGATE_TRANSFORM_TEST',
    message: /the second run failed: Too late\. The transform called Date\.now\(\)/,
    cause: { code: 'HEADGATE_TRANSFORM_REFUSED' },
  })
})

t.test('runTransform accepts a transform that reads the clock without using the time in its outputs', async t => {
  const timing = own((input, { upload }) => {
    const start = new Date()
    t.ok(start instanceof Date)
    t.equal(Object.getPrototypeOf(start), Date.prototype)
    t.ok(Date.now() - start.getTime() < 60_000)
    t.equal(new Date(2020, 1, 3).getFullYear(), 2020)
    t.equal(Date.UTC(1970, 0, 2), 86_400_000)
    const elapsed = process.hrtime(process.hrtime())
    t.ok(elapsed[0] < 60)
    return { contentType: upload.contentType, body: input }
  })
  await t.resolves(runTransform(timing, 'x'))
})

t.test('other code has the usual clock while runTransform runs, and afterwards', async t => {
  const functions = () => [Date, Date.now, performance.now, process.hrtime, Math.random, crypto.randomUUID, randomUUID]
  const real = functions()
  const before = Date.now()
  const second = Promise.withResolvers<void>()
  const go = Promise.withResolvers<void>()
  let runs = 0
  const waiting = own(async () => {
    if (++runs === 2) {
      second.resolve()
      await go.promise
    }
    return { contentType: 'a/b', body: [] }
  })
  const running = runTransform(waiting, 'x')
  await second.promise
  t.ok(Date.now() - before < 60_000, 'beside the second run')
  t.equal(new Date().getFullYear(), new Date(before).getFullYear())
  go.resolve()
  await running
  t.ok(functions().every((each, index) => each === real[index]))
})

t.test('runTransform rejects invalid transforms and outputs, as the worker does', async t => {
  await t.rejects(runTransform({ ...echo, version: 1 as never }, ''), {
    message: /^The value is not a transform: "version"/,
  })
  await t.rejects(
    runTransform(
      own(() => ({ contentType: 'a/b', body: 'text' as never })),
      '',
    ),
    { code: 'HEADGATE_INVALID_OUTPUT' },
  )
  await t.rejects(runTransform({ ...echo, accepts: () => false }, ''), { message: /does not accept/ })
  const refusing = own(() => {
    throw new TransformError('Not this.')
  })
  await t.rejects(runTransform(refusing, ''), { code: 'HEADGATE_TRANSFORM_REFUSED', message: 'Not this.' })
})

async function* from(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts
}

async function all<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const read: T[] = []
  for await (const one of iterable) read.push(one)
  return read
}

t.test('linesOf yields whole lines however the bytes are split, and textOf omits the byte-order mark', async t => {
  const random = seededRandom(5)
  const text = '\ufeffüber\r\n\r\n🎉🎉\nlast without an end'
  for (let round = 0; round < 200; round++) {
    const parts = cut(Buffer.from(text), random, 4)
    const lines = await all(linesOf(from(parts), { maxLength: 21 }))
    if (JSON.stringify(lines) !== JSON.stringify(['über', '', '🎉🎉', 'last without an end'])) t.strictSame(lines, [])
    const read = (await all(textOf(from(parts)))).join('')
    if (read !== text.slice(1)) t.equal(read, text.slice(1))
  }
  const latin = { contentType: 'text/plain; charset=iso-8859-1' }
  t.strictSame(await all(linesOf(from([Buffer.from([0xe9, 0x0a])]), latin)), ['é'])
})

t.test('a line over the maximum length is refused, and reading stops', async t => {
  let read = 0
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      read++
      yield Buffer.from('x'.repeat(100))
    }
  }
  const message = /^Line 1 is longer than 1000 characters\.$/
  await t.rejects(all(linesOf(endless(), { maxLength: 1_000 })), { code: 'HEADGATE_TRANSFORM_REFUSED', message })
  t.ok(read < 15)
})

t.test('the time for a line in tiny pieces is proportional to its length', async t => {
  const read = async (size: number) => {
    const pieces = Array.from({ length: size / 16 }, () => Buffer.from('x'.repeat(16)))
    t.equal((await all(linesOf(from(pieces)))).length, 1)
  }
  const { factor, micros } = await growthOf(read, { size: 128 * 1024 })
  t.ok(factor < 9, `${factor.toFixed(1)} times, ${Math.round(micros / 1000)} ms`)
})
