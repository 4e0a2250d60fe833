import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { outputsOf } from '../../../services/worker/transforms/outputs.ts'
import { createTransform } from '../../../services/worker/transforms/rules/transform-source.ts'
import type { Transform, TransformOutputs } from '../../../services/worker/transforms/transform.ts'
import { make } from './support.ts'

function giving(apply: () => unknown): Transform {
  return { name: 'own', version: '1', apply: apply as () => TransformOutputs }
}

const one = (more: object = {}) => ({ contentType: 'text/plain', body: [Buffer.from('x')], ...more })

async function* several(...outputs: unknown[]) {
  yield* outputs
}

t.test('a transform may return one output, a promise of one, or several', async t => {
  for (const apply of [() => one(), async () => one(), () => several(one()), async () => several(one())]) {
    t.match(await make(giving(apply), []), [{ name: 'main', contentType: 'text/plain' }])
  }
  const made = await make(
    giving(() => several(one({ name: 'a.txt' }), one(), one({ name: 'B-2_c', filename: 'ü.txt' }))),
    [],
  )
  t.match(made, [{ name: 'a.txt' }, { name: 'main' }, { name: 'B-2_c', filename: 'ü.txt' }])
})

t.test('a body may be a list, a generator or a stream, with empty chunks', async t => {
  const bodies = [
    [Buffer.from('ab')],
    several(Buffer.from('a'), Buffer.alloc(0), new Uint8Array([0x62])),
    new Blob(['ab']).stream(),
  ]
  for (const body of bodies)
    t.equal(
      (
        await make(
          giving(() => one({ body })),
          [],
        )
      )[0]?.bytes.toString(),
      'ab',
    )
})

t.test('the next output is requested after the previous one has been read', async t => {
  const steps: string[] = []
  async function* outputs() {
    steps.push('first')
    yield one()
    steps.push('second')
    yield one({ name: 'more' })
  }
  const context = {
    upload: { contentType: '', mediaType: 'text/plain', filename: '', key: '', size: 0 },
    signal: new AbortController().signal,
  }
  for await (const { name } of outputsOf(giving(outputs), several() as AsyncIterable<Uint8Array>, context))
    steps.push(`took ${name}`)
  t.strictSame(steps, ['first', 'took main', 'second', 'took more'])
})

t.test('an invalid output is a permanent failure that names the fault', async t => {
  const cases: Array<[apply: () => unknown, message: RegExp]> = [
    [() => undefined, /"own" returned a value that is not an output\.$/],
    [() => several(), /returned no main output/],
    [() => several(one({ name: 'a' })), /returned no main output/],
    [() => several(one(), one()), /returned two outputs named "main"/],
    [() => several(one(), one({ name: 'a' }), one({ name: 'a' })), /returned two outputs named "a"/],
    [() => one({ name: 'main' }), /named an output "main": omit the name/],
    [() => one({ name: '../a' }), /named an output "\.\.\/a": a name must be/],
    [() => one({ name: 'x'.repeat(65) }), /a name must be 1 to 64/],
    [() => one({ name: 7 }), /named an output 7/],
    [() => one({ contentType: 'text/plain\r\nx: y' }), /returned "main" without a valid content type/],
    [() => one({ contentType: undefined }), /without a valid content type/],
    [() => one({ contentEncoding: '' }), /content encoding/],
    [() => one({ filename: 'a/b' }), /file name/],
    [() => one({ filename: '\ud800' }), /file name/],
    [() => one({ note: 'two\nlines' }), /note that is not one line of up to 255 characters/],
    [() => one({ note: 'x'.repeat(256) }), /note that is not one line/],
    [() => one({ body: 'text' }), /body that is not an iterable of byte arrays/],
    [() => one({ body: Buffer.from('x') }), /body that is not an iterable/],
    [() => one({ body: ['text'] }), /chunks that are not byte arrays/],
    [
      () => several(one(), ...Array.from({ length: 32 }, (_, index) => one({ name: `n${index}` }))),
      /more than 32 outputs/,
    ],
  ]
  for (const [apply, message] of cases) {
    await t.rejects(make(giving(apply), []), { code: 'HEADGATE_INVALID_OUTPUT', message }, String(message))
  }
})

t.test('a refusal is detected by its code, also from another copy of the package', async t => {
  class TransformError extends Error {
    code = 'HEADGATE_TRANSFORM_REFUSED'
  }
  const refuse = (): Uint8Array => {
    throw new TransformError('Not this.')
  }
  async function* refusing(): AsyncGenerator<Uint8Array> {
    yield refuse()
  }
  const { TransformError: ours } = await import('../../../services/worker/errors.ts')
  for (const apply of [refuse, refusing, () => one({ body: refusing() })]) {
    const error: unknown = await make(giving(apply), []).catch((reason: unknown) => reason)
    t.ok(error instanceof ours)
    t.match(error, { message: 'Not this.' })
  }
  await t.rejects(
    make(
      giving(() => Promise.reject(new Error('later'))),
      [],
    ),
    { message: 'later' },
  )
})

t.test('gzip compresses its input, and the output has the name of the file', async t => {
  const gzip = await createTransform({ kind: 'built-in', name: 'gzip', options: { level: 9 } })
  const parts = Array.from({ length: 50 }, (_, index) => Buffer.from(`line ${index}\n`.repeat(1_000)))
  const [main] = await make(gzip, parts, { filename: 'app.log' })
  t.match(main, { contentType: 'application/gzip', filename: 'app.log.gz' })
  t.ok(gunzipSync(main?.bytes ?? '').equals(Buffer.concat(parts)))
  t.ok(
    (await make(gzip, [Buffer.concat(parts)]))[0]?.bytes.equals(main?.bytes ?? Buffer.alloc(0)),
    'the result does not depend on how the input is split',
  )
})

t.test('outputs have valid file names for any name of the upload', async t => {
  const names = ['🎉'.repeat(300), `${'é'.repeat(400)}.csv`, 'a\\b\u0000c.txt', '\ud83d', '.csv', 'x'.repeat(900)]
  for (const name of ['csv-to-ndjson', 'gzip', 'digest']) {
    const transform = await createTransform({ kind: 'built-in', name, options: {} })
    for (const filename of names) {
      const [main] = await make(transform, [Buffer.from('a,b\n')], { filename })
      t.match(main?.filename, /^[^\\\p{Cc}]{0,212}\.(?:ndjson|gz|digest\.json)$/u, `${name}: ${filename.slice(0, 20)}`)
    }
  }
})

t.test('an error of the input is the error of the output', async t => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('a')
    throw new Error('connection reset')
  }
  const context = {
    upload: { contentType: 'text/plain', mediaType: 'text/plain', filename: 'a', key: 'a', size: 9 },
    signal: new AbortController().signal,
  }
  for (const name of ['upper-case', 'image', 'csv-to-ndjson', 'gzip', 'digest', 'copy']) {
    const transform = await createTransform({ kind: 'built-in', name, options: {} })
    const read = async () => {
      for await (const output of outputsOf(transform, broken(), context)) for await (const _ of output.body);
    }
    await t.rejects(read(), { message: 'connection reset' }, name)
  }
})
