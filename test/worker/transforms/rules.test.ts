import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import type { ConfigurationError } from '../../../services/platform/errors.ts'
import { expectedMediaType, mediaTypeOf } from '../../../services/uploads/media-types/media-type-of.ts'
import type { RoutedUpload } from '../../../services/worker/transforms/rules/match.ts'
import type { InProcess, TransformRule } from '../../../services/worker/transforms/rules/rules.ts'
import { chooseRule, loadDefaultRules, loadRules, ruleOf } from '../../../services/worker/transforms/rules/rules.ts'

const inPlace: InProcess = transform => transform
const defaults = await loadDefaultRules(inPlace)

const folder = mkdtempSync(path.join(tmpdir(), 'headgate-rules-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

function write(name: string, content: string): string {
  const file = path.join(folder, name)
  writeFileSync(file, content)
  return file
}

const GOOD = `{ name: 'mine', version: '1', apply: input => ({ contentType: 'text/plain', body: input }) }`
write('mine.mjs', `export default ${GOOD}\nexport const named = ${GOOD}`)
write('made.mjs', `export default options => ({ ...${GOOD}, name: options.name })`)

/** Returns the transform for an upload by its declared type and name, with bytes that show no type. */
async function picked(
  rules: readonly TransformRule[],
  contentType: string,
  filename = 'file',
  contentEncoding?: string,
) {
  const found = await expectedMediaType(undefined, { declared: contentType, filename })
  const upload = { contentType, ...found, filename, key: `uploads/${filename}`, size: 1 }
  return chooseRule(rules, { ...upload, ...(contentEncoding !== undefined && { contentEncoding }) })?.transform.name
}

const load = (rules: unknown[], more: object = {}) => loadRules(JSON.stringify({ rules, ...more }), inPlace)

/** Returns the faults of a configuration, one line each. */
async function faultsOf(text: string): Promise<string[]> {
  try {
    await loadRules(text, inPlace)
  } catch (error) {
    const { code, faults } = error as ConfigurationError
    t.equal(code, 'HEADGATE_CONFIGURATION')
    t.ok(faults.every(({ variable }) => variable === 'TRANSFORMS'))
    return faults.map(({ problem }) => problem)
  }
  return []
}

t.test('without a configuration each kind of content has its built-in transform', async t => {
  for (const [contentType, filename, transform] of [
    ['text/plain', 'file', 'upper-case'],
    ['text/html', 'page.bin', 'upper-case'],
    ['application/octet-stream', 'demo.txt', 'upper-case'],
    ['binary/octet-stream', 'DEMO.TXT', 'upper-case'],
    ['not a type', 'demo.txt', 'upper-case'],
    ['TEXT/CSV; charset=utf-8', 'a.csv', 'csv-to-ndjson'],
    ['image/png', 'picture.txt', 'image'],
    ['image/vnd.adobe.photoshop', 'a.psd', 'digest'],
    ['image/svg+xml', 'a.svg', 'image'],
    ['application/octet-stream', 'demo.bin', 'digest'],
    ['application/octet-stream', 'demo', 'upper-case'],
    ['application/json', 'a.json', 'digest'],
  ] as const) {
    t.equal(await picked(defaults, contentType, filename), transform, `${contentType} ${filename}`)
  }
  t.equal(await picked(defaults, 'text/plain', 'a.txt', 'gzip'), 'digest', 'encoded content is not content of its type')
})

t.test('custom rules come first, in their order, and then the built-in rules', async t => {
  const rules = await load([
    { contentType: 'text/plain', filename: ['*.log', 'trace-??.txt'], transform: 'gzip' },
    { contentType: ['application/json', 'application/*+json'], transform: 'copy' },
    { filename: '*.txt', transform: 'digest' },
  ])
  t.equal(await picked(rules, 'text/plain', 'a.LOG'), 'gzip')
  t.equal(await picked(rules, 'text/plain', 'trace-07.txt'), 'gzip')
  t.equal(await picked(rules, 'text/plain', 'trace-7.txt'), 'digest')
  t.equal(await picked(rules, 'text/html', 'a.log'), 'upper-case', 'all conditions of a rule must match')
  t.equal(await picked(rules, 'application/ld+json; charset=utf-8', 'a'), 'copy')
  t.equal(await picked(rules, 'text/csv', 'a.csv'), 'csv-to-ndjson')
})

t.test('a rule matches the found type, and the declared type unless the bytes contradict it', async t => {
  const found = async (rule: object, head: string, declared: string, change: Partial<RoutedUpload> = {}) => {
    const [loaded] = await load([{ ...rule, transform: 'copy' }])
    const upload = { contentType: declared, filename: 'a.dat', key: 'uploads/a.dat', size: 1, ...change }
    const { filenameGenerated } = upload
    const clues = { declared, filename: filenameGenerated ? undefined : upload.filename }
    return loaded?.matches({ ...upload, ...(await mediaTypeOf(Buffer.from(head, 'latin1'), clues)) })
  }
  const jpeg = '\xff\xd8\xff\xe0\x00\x10JFIF\x00'
  for (const contentType of ['*', '*/*', 'image/*', 'image/jpeg', 'IMAGE/JPG']) {
    t.equal(await found({ contentType }, jpeg, 'text/plain'), true, contentType)
  }
  t.equal(await found({ contentType: 'text/*' }, jpeg, 'text/plain'), false, 'bytes come first')
  t.equal(await found({ contentType: 'application/octet-stream' }, jpeg, ''), false, 'bytes come first')
  t.equal(await found({ contentType: '*' }, 'a', 'anything'), true)
  t.equal(await found({ contentType: 'application/octet-stream', filename: '*.dat' }, 'a', '*/*'), true)
  const table = { filename: 'a.csv' }
  t.equal(await found({ contentType: 'text/plain', filename: '*.csv' }, 'a,b', 'text/plain', table), true)
  t.equal(await found({ contentType: 'application/csv' }, 'a,b', 'text/plain', table), true)
  const generated = { filename: 'file-1.txt', filenameGenerated: true } as const
  t.equal(await found({ filename: '*.txt' }, 'a', 'text/plain', generated), false, 'a generated name does not match')
  t.equal(await found({ filename: '*' }, 'a', 'text/plain', generated), true)
})

t.test(
  'with "defaults": false there are no built-in rules, and encoded content only matches rules with "encoded"',
  async t => {
    const rules = await load([{ contentType: 'text/*', transform: 'copy', encoded: true }], { defaults: false })
    t.equal(await picked(rules, 'text/plain', 'a', 'gzip'), 'copy')
    t.equal(await picked(rules, 'image/png'), undefined)
  },
)

t.test('a pattern matches literally, except for its wildcards', async t => {
  const rules = await load([{ filename: 'a(1)+[x].txt', transform: 'copy' }], { defaults: false })
  t.equal(await picked(rules, 'text/plain', 'a(1)+[x].txt'), 'copy')
  t.equal(await picked(rules, 'text/plain', 'a11x_txt'), undefined)
})

t.test('a transform may leave an upload to the next rule', async t => {
  const never = {
    name: 'never',
    version: '1',
    accepts: () => false,
    apply: () => t.fail('must not be called') as never,
  }
  const first = { ...never, name: 'first', accepts: () => true }
  t.equal(await picked([never, first].map(ruleOf), 'text/plain'), 'first')
})

t.test('a custom module is loaded by its path, relative to the file with the rules', async t => {
  const rules = {
    rules: [
      { filename: '1', module: './mine.mjs' },
      { filename: '2', module: './mine.mjs', export: 'named' },
      { filename: '3', module: './made.mjs', options: { name: 'by-options' } },
      { filename: '4', module: pathToFileURL(path.join(folder, 'mine.mjs')).href },
    ],
  }
  const loaded = await loadRules(write('rules.json', JSON.stringify(rules)), inPlace)
  const names = await Promise.all(['1', '2', '3', '4'].map(filename => picked(loaded, 'text/plain', filename)))
  t.strictSame(names, ['mine', 'mine', 'by-options', 'mine'])
})

t.test('a rule sets the sinks of outputs and the process of its transform', async t => {
  const module = path.join(folder, 'mine.mjs')
  const [rule, csv, own, patient, inline, still] = await loadRules(
    JSON.stringify({
      rules: [
        { contentType: 'image/*', transform: 'image', sink: { 'metadata.json': 'dynamodb' }, itemBytes: 100 },
        { contentType: 'text/csv', transform: 'csv-to-ndjson', sink: 'dynamodb', inline: true, maxExpansion: 5 },
        { module },
        { module, timeoutSeconds: 600 },
        { module, inline: true },
        { transform: 'copy', inline: false },
      ],
    }),
    (transform, source, { timeoutSeconds }) => ({
      ...transform,
      name: `${transform.name} of ${source.kind} for ${timeoutSeconds} s`,
    }),
  )
  t.strictSame(
    ['main', 'metadata.json'].map(output => rule?.sinkOf(output)),
    ['s3', 'dynamodb'],
  )
  t.match(rule, {
    itemBytes: 100,
    maxExpansion: 256,
    runsInProcess: true,
    transform: { name: 'image of built-in for 20 s' },
  })
  t.match(csv, { maxExpansion: 5, runsInProcess: false, transform: { name: 'csv-to-ndjson' } })
  t.equal(csv?.sinkOf('main'), 'dynamodb')
  t.match(
    own,
    { runsInProcess: true, transform: { name: 'mine of module for 120 s' } },
    'a custom module runs in a process',
  )
  t.match(patient, { runsInProcess: true, transform: { name: 'mine of module for 600 s' } })
  t.match(inline, { maxExpansion: undefined, runsInProcess: false, transform: { name: 'mine' } })
  t.match(still, { runsInProcess: true, transform: { name: 'copy of built-in for 20 s' } })
})

t.test('the error for the former setting "thread" names its replacement', async t => {
  const text = JSON.stringify({ rules: [{ transform: 'copy', thread: true }] })
  t.match(await faultsOf(text), [/^\/rules\/0\/thread: is no longer a setting: remove it.*"inline": true$/])
  const unlimited = JSON.stringify({ rules: [{ transform: 'copy', inline: true, timeoutSeconds: 5 }] })
  t.match(await faultsOf(unlimited), [/^\/rules\/0: "timeoutSeconds" cannot be enforced if "inline" is true/])
})

t.test('one error lists all faults of a configuration with their places', async t => {
  t.match(await faultsOf('no-such-file.json'), [/neither JSON nor a file .*no-such-file\.json \(ENOENT\)/])
  t.match(await faultsOf('{"rules":['), [/its value is not JSON/])
  t.match(await faultsOf('[]'), [/^\/: .*object/])
  const wrong = [
    { contentType: 'text', transform: 'copy' },
    { transform: 'upper' },
    { transform: 'copy', sink: 's4' },
    { transform: 'copy', unknown: 1 },
  ]
  t.match(await faultsOf(JSON.stringify({ rules: wrong, default: true })), [
    /^\/default: is not a setting\. Did you mean "defaults"\?$/,
    /^\/rules\/0\/contentType: must be a media type such as/,
    /^\/rules\/1\/transform: must be one of upper-case, image, .*\. Did you mean "upper-case"\?$/,
    /^\/rules\/2\/sink: must be "s3" or "dynamodb"/,
    /^\/rules\/3\/unknown: is not a setting\. The settings are contentType, filename, .*, maxExpansion\.$/,
  ])
  t.match(
    await faultsOf(
      JSON.stringify({
        rules: [{ filename: 'a' }, { transform: 'copy', module: './x' }, { transform: 'copy', export: 'x' }],
      }),
    ),
    [/^\/rules\/0: a rule must name either/, /^\/rules\/1: a rule must name/, /^\/rules\/2: "export" needs a "module"/],
  )
})

t.test('a transform that can not be loaded fails the start, with a remedy', async t => {
  write('broken.mjs', 'export default {')
  write('failing.mjs', `export default () => { throw new Error('no key is set') }`)
  write(
    'shapes.mjs',
    [
      `export const number = 1`,
      `export const noName = { version: '1', apply() {} }`,
      `export const noVersion = { name: 'a', version: 2, apply() {} }`,
      `export const noApply = { name: 'a', version: '2', transform() {} }`,
      `export const gives = () => null`,
    ].join('\n'),
  )
  const cases: Array<[rule: object, fault: RegExp]> = [
    [{ module: './gone.mjs' }, /^\/rules\/0\/module: .*gone\.mjs cannot be loaded: Cannot find module/],
    [
      { module: 'no-such-package-of-ours' },
      /^\/rules\/1\/module: no-such-package-of-ours cannot be loaded: Cannot find package 'no-such-package-of-ours'$/,
    ],
    [
      { module: './broken.mjs' },
      /^\/rules\/2\/module: .*broken\.mjs cannot be loaded: Unexpected end of input \(\S+\/broken\.mjs:1\)$/,
    ],
    [
      { module: './mine.mjs', export: 'other' },
      /^\/rules\/3\/export: .*has no export "other"\. It has: default, named$/,
    ],
    [{ module: './failing.mjs' }, /^\/rules\/4\/options: .*rejected the options: no key is set$/],
    [{ module: './shapes.mjs', export: 'number' }, /"number" of .* is not a transform: it is number, not an object$/],
    [{ module: './shapes.mjs', export: 'noName' }, /"name" must be/],
    [{ module: './shapes.mjs', export: 'noVersion' }, /"version" must be/],
    [{ module: './shapes.mjs', export: 'noApply' }, /"apply" must be a function$/],
    [{ module: './shapes.mjs', export: 'gives' }, /the result of "gives" of .* is not a transform: it is null/],
    [
      { transform: 'gzip', options: { level: 12 } },
      /^\/rules\/10\/options: The option "level" of the transform "gzip" must be <= 9, not 12\.$/,
    ],
    [
      { transform: 'copy', options: { level: 1 } },
      /^\/rules\/11\/options: "level" is not an option of the transform "copy", which takes no options\.$/,
    ],
  ]
  const faults = await faultsOf(write('wrong.json', JSON.stringify({ rules: cases.map(([rule]) => rule) })))
  t.match(
    faults,
    cases.map(([, fault]) => fault),
  )
})

t.test('a misspelled setting, option or value is named, with the nearest valid one', async t => {
  const rules = [
    { contentTypes: 'text/*', transform: 'copy' },
    { filname: '*.txt', transform: 'copy' },
    { transform: 'csv-to-json' },
  ]
  t.match(await faultsOf(JSON.stringify({ rules })), [
    /^\/rules\/0\/contentTypes: is not a setting\. Did you mean "contentType"\?$/,
    /^\/rules\/1\/filname: is not a setting\. Did you mean "filename"\?$/,
    /^\/rules\/2\/transform: must be one of .*\. Did you mean "csv-to-ndjson"\?$/,
  ])
  const options = [
    { qualitty: 80, size: [1] },
    { format: 'jpg' },
    { sizes: [320, 9_999], format: 'webp', colors: 3 },
    ['webp'],
  ]
  const images = options.map(options => ({ transform: 'image', options }))
  t.match(await faultsOf(JSON.stringify({ rules: images })), [
    /^\/rules\/0\/options: "qualitty" is not an option of the transform "image"\. Did you mean "quality"\? "size" is .* Did you mean "sizes"\?$/,
    /"format" of the transform "image" must be one of "webp", "jpeg", "png", not "jpg"\. Did you mean "jpeg"\?$/,
    /"colors" is not an option .* Its options are sizes, format, quality, maxBytes, maxPixels\. The option "sizes\/1" .* must be <= 4096, not 9999\.$/,
    /^\/rules\/3\/options: The options of the transform "image" must be object, not \["webp"\]\.$/,
  ])
})

t.test('options for a module whose export is not a function fail the start', async t => {
  const rules = [{ module: './mine.mjs', options: { name: 'x' } }]
  t.match(await faultsOf(write('options.json', JSON.stringify({ rules }))), [
    /^\/rules\/0\/options: "default" of \S+\/mine\.mjs is a transform and not a function, so it takes no options\. Remove "options"/,
  ])
})

t.test('a module that can not be loaded is reported with the file and the line at fault', async t => {
  const text = (line: string) => `export default {\n  name: 'x',\n  ${line}\n}\n`
  write('syntax.mjs', text('apply() { return 1 2 },'))
  write('syntax.ts', text('apply(): number { return 1 2 },'))
  write('enum.ts', 'export const a = 1\nenum Level { Low }\nexport default Level\n')
  write('syntax.cjs', 'module.exports = {\n  apply() { return 1 2 },\n}\n')
  write('imports-syntax.mjs', "import './mine.mjs'\nimport './syntax.mjs'\n")
  write('no-such-name.mjs', "\nimport { nothing } from './mine.mjs'\nexport default nothing\n")
  write('throws.mjs', "\n\nthrow new Error('no key is set')\n")
  const cases: Array<[module: string, fault: RegExp]> = [
    ['./syntax.mjs', /: Unexpected number \(\/\S+\/syntax\.mjs:3\)$/],
    ['./syntax.ts', /: Expected .* \(\/\S+\/syntax\.ts:3\)$/],
    ['./enum.ts', /: TypeScript enum is not supported in strip-only mode \(\/\S+\/enum\.ts:2\)$/],
    ['./syntax.cjs', /: Unexpected number \(\/\S+\/syntax\.cjs:2\)$/],
    ['./imports-syntax.mjs', /imports-syntax\.mjs cannot be loaded: Unexpected number \(\/\S+\/syntax\.mjs:3\)$/],
    ['./no-such-name.mjs', /does not provide an export named 'nothing' \(\/\S+\/no-such-name\.mjs:2\)$/],
    ['./throws.mjs', /: no key is set \(\/\S+\/throws\.mjs:3:7\)$/],
    ['./gone.mjs', /cannot be loaded: Cannot find module '\/\S+\/gone\.mjs'$/],
  ]
  const faults = await faultsOf(
    write('unloadable.json', JSON.stringify({ rules: cases.map(([module]) => ({ module })) })),
  )
  t.match(
    faults,
    cases.map(([, fault]) => fault),
  )
  t.equal(faults.length, cases.length)
})

t.test('a content type of thousands of blanks counts as unknown and is not parsed', async t => {
  const before = process.threadCpuUsage()
  const blanks = ' '.repeat(32_768)
  t.equal(await picked(defaults, `text/csv${blanks}!`, 'a.txt'), 'upper-case', 'only by its name')
  const { user } = process.threadCpuUsage(before)
  t.ok(user < 200_000, `${user} µs`)
})
