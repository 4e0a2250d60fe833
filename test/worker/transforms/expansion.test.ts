import { randomBytes } from 'node:crypto'
import sharp from 'sharp'
import t from 'tap'
import { outputsOf } from '../../../services/worker/transforms/outputs.ts'
import { chooseRule, loadRules } from '../../../services/worker/transforms/rules/rules.ts'
import type { Transform } from '../../../services/worker/transforms/transform.ts'

const MIB = 1024 ** 2

async function* chunksOf(content: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += 65_536) yield content.subarray(at, at + 65_536)
}

/** Creates the outputs of an upload by the rules, as the worker does, and returns the number of their bytes. */
async function outputBytes(content: Buffer, contentType: string, rules: object[] = []): Promise<number> {
  const loaded = await loadRules(JSON.stringify({ rules }), transform => transform)
  const upload = {
    contentType,
    mediaType: contentType,
    typeSource: 'declared' as const,
    filename: 'file',
    key: 'uploads/file',
    size: content.length,
  }
  const rule = chooseRule(loaded, upload)
  if (!rule) throw new Error('No rule matches.')
  const { signal } = new AbortController()
  const context = { upload, signal, maxExpansion: rule.maxExpansion }
  let bytes = 0
  for await (const { body } of outputsOf(rule.transform, chunksOf(content), context)) {
    for await (const chunk of body) bytes += chunk.byteLength
  }
  return bytes
}

const refusal = (maxBytes: number, size: number, option: number) => ({
  code: 'HEADGATE_TRANSFORM_REFUSED',
  message: `The outputs have more than ${maxBytes} bytes, the maximum for an upload of ${size} bytes: the option maxExpansion of its rule is ${option}.`,
})

/** A table with short rows and long column names. */
const wide = Buffer.from(`${'x'.repeat(1_000)},b\n${'1,2\n'.repeat(50_000)}`)

t.test('the outputs of a table have at most 32 times its size, unless its rule sets another limit', async t => {
  await t.rejects(outputBytes(wide, 'text/csv'), refusal(32 * wide.length, wide.length, 32))
  const rule = { contentType: 'text/csv', transform: 'csv-to-ndjson', maxExpansion: 300 }
  t.ok((await outputBytes(wide, 'text/csv', [rule])) > 50_000_000)
  await t.rejects(
    outputBytes(wide, 'text/csv', [{ ...rule, maxExpansion: 10 }]),
    refusal(10 * wide.length, wide.length, 10),
  )
})

t.test('a table of two long column names and empty values is refused', async t => {
  const table = Buffer.from(`${'x'.repeat(300_000)},${'y'.repeat(300_000)}\n${',\n'.repeat(200_000)}`)
  await t.rejects(outputBytes(table, 'text/csv'), refusal(32 * table.length, table.length, 32))
})

t.test('the outputs of any file may have one mebibyte', async t => {
  const table = Buffer.from(`${'x'.repeat(1_000)},b\n${'1,2\n'.repeat(1_000)}`)
  const rule = { contentType: 'text/csv', transform: 'csv-to-ndjson', maxExpansion: 1 }
  t.ok((await outputBytes(table, 'text/csv', [rule])) < MIB)
  const larger = Buffer.from(`${'x'.repeat(1_000)},b\n${'1,2\n'.repeat(1_100)}`)
  await t.rejects(outputBytes(larger, 'text/csv', [rule]), refusal(MIB, larger.length, 1))
})

t.test('the limit of a rule applies to every transform whose outputs can be larger than its input', async t => {
  const noise = randomBytes(2 * MIB)
  const picture = await sharp({ create: { width: 800, height: 800, channels: 3, background: 'red' } })
    .composite([{ input: noise.subarray(0, 600 * 600 * 3), raw: { width: 600, height: 600, channels: 3 } }])
    .jpeg({ quality: 20 })
    .toBuffer()
  const sizes = [800, 700, 600, 500, 400, 300, 200, 100]
  for (const [content, contentType, rule] of [
    // This character has one byte in windows-1253, and six bytes in upper case in UTF-8.
    [Buffer.alloc(MIB, 0xc0), 'text/plain; charset=windows-1253', { transform: 'upper-case' }],
    [Buffer.from('ŉ'.repeat(MIB)), 'text/plain', { transform: 'upper-case' }],
    [noise, 'application/octet-stream', { transform: 'gzip' }],
    [picture, 'image/jpeg', { transform: 'image', options: { sizes, format: 'png' } }],
  ] as const) {
    const of = { contentType: contentType.replace(/;.*/, ''), ...rule }
    const bytes = await outputBytes(content, contentType, [of])
    t.ok(bytes > content.length && bytes > MIB, `${rule.transform}: ${bytes} bytes of ${content.length}`)
    const bound = Math.max(MIB, content.length)
    await t.rejects(
      outputBytes(content, contentType, [{ ...of, maxExpansion: 1 }]),
      refusal(bound, content.length, 1),
      rule.transform,
    )
  }
})

t.test('the limit counts all outputs of an upload together, and ends an endless one', async t => {
  const halves: Transform = {
    name: 'halves',
    version: '1',
    async *apply() {
      yield { contentType: 'text/plain', body: [Buffer.alloc(MIB / 2)] }
      yield { name: 'second', contentType: 'text/plain', body: endless() }
    },
  }
  let given = 0
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      given += 65_536
      yield Buffer.alloc(65_536)
    }
  }
  const upload = {
    contentType: 'text/plain',
    mediaType: 'text/plain',
    filename: 'file',
    key: 'uploads/file',
    size: 10,
  }
  const { signal } = new AbortController()
  const names: string[] = []
  await t.rejects(
    async () => {
      for await (const { name, body } of outputsOf(halves, chunksOf(Buffer.alloc(10)), {
        upload,
        signal,
        maxExpansion: 2,
      })) {
        names.push(name)
        for await (const _ of body) void _
      }
    },
    refusal(MIB, 10, 2),
  )
  t.strictSame(names, ['main', 'second'])
  t.equal(given, MIB / 2 + 65_536, 'no more is read')
})
