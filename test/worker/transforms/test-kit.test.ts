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
