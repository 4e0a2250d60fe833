import { execFileSync } from 'node:child_process'
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import { openTransforms, TransformsError } from '../../services/local/reload/reload.ts'
import { SNAPSHOT_VARIABLE } from '../../services/local/reload/snapshot.ts'
import { until } from '../support/processes.ts'

const FILES = {
  'mine.ts': `import { mark } from './lib/mark.ts'
import legacy from './legacy.cjs'
const version: string = mark + legacy.mark
export default { name: 'mine', version, async *apply() {} }
`,
  'legacy.cjs': "exports.mark = require('./legacy-mark.cjs')\n",
  'legacy-mark.cjs': "module.exports = '1'\n",
  lib: { 'mark.ts': "export const mark = '1'\n" },
  'package.json': '{ "type": "module" }',
  'transforms.json': '{ "rules": [{ "filename": "*.log", "module": "./mine.ts" }] }',
}

async function open(t: Test) {
  const folder = t.testdir(FILES)
  const place = (file: string) => path.join(folder, file)
  const write = (file: string, text: string) => writeFileSync(place(file), text)
  const env = { ...process.env, NODE_OPTIONS: '', TRANSFORMS: place('transforms.json') }
  const transforms = await openTransforms(env)
  t.teardown(() => transforms.close())
  const notices: string[] = []
  /** Errors of the next replacements of workers. */
  const faults: Error[] = []
  const started: Array<Readonly<Record<string, string>>> = []
  transforms.watch({
    onNotice: notice => notices.push(notice),
    async replaceWorkers(next) {
      if (faults.length > 0) throw faults.pop()
      started.push(next)
    },
  })
  /** Resolves when a save has been handled. */
  async function saved(save: () => void): Promise<string> {
    const before = notices.length
    save()
    await until(() => notices.length > before, { timeoutMs: 60_000, what: 'the notice of the save' })
    return notices.at(-1) ?? ''
  }
  return { transforms, place, write, env, started, saved, faults }
}

/** Returns the version of the transform that a worker with these variables loads. */
function loadedVersion(env: NodeJS.ProcessEnv, file: string): string {
  const program = `console.log((await import(${JSON.stringify(pathToFileURL(file).href)})).default.version)`
  return execFileSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8', env }).trim()
}

t.test('an error while workers are replaced is reported, and the next save is loaded', async t => {
  const { write, started, saved, faults } = await open(t)
  faults.push(new Error('no space left on device'))
  const notice = await saved(() => write('lib/mark.ts', "export const mark = '2'\n"))
  t.equal(notice, 'The workers could not be replaced: no space left on device. Save the file again to retry.')
  t.match(await saved(() => write('lib/mark.ts', "export const mark = '3'\n")), /^Reloaded /)
  t.equal(started.length, 1)
})

t.test('a saved module, its imports and the file of the rules replace the workers', async t => {
  const { place, write, env, started, saved } = await open(t)
  const version = () => loadedVersion({ ...env, ...started.at(-1) }, place('mine.ts'))
  t.match(await saved(() => write('lib/mark.ts', "export const mark = '2'\n")), /^Reloaded .*mark\.ts in \d+\.\d s\.$/)
  t.equal(version(), '21')
  // Many editors write a new file and rename it.
  write('legacy-mark.cjs.new', "module.exports = '2'\n")
  t.match(await saved(() => renameSync(place('legacy-mark.cjs.new'), place('legacy-mark.cjs'))), 'legacy-mark.cjs in')
  t.equal(version(), '22')
  t.match(await saved(() => write('transforms.json', '{ "rules": [{ "module": "./mine.ts" }] }')), 'transforms.json in')
  t.strictSame(JSON.parse(started.at(-1)?.TRANSFORMS ?? ''), {
    rules: [{ module: pathToFileURL(place('mine.ts')).href }],
  })
  t.equal(started.length, 3)
})

t.test('an invalid file is reported with its line, and the old version stays until the next save', async t => {
  const { transforms, place, write, env, started, saved } = await open(t)
  const version = () => loadedVersion({ ...env, ...transforms.workerEnv }, place('mine.ts'))
  const fault = await saved(() => write('lib/mark.ts', "export const mark = 'a'\nexport const = 2\n"))
  t.match(fault, /mark\.ts was saved, but the old version stays in use until the next save:\n/)
  t.match(fault, /mine\.ts/)
  t.equal(version(), '11', 'a process that starts now still loads the old version')

  const json = await saved(() => write('transforms.json', '{ "rules": [\n  { "module": "./mine.ts", }\n] }'))
  t.match(json, /transforms\.json is not JSON: .* \(line 2 column 28\)/)
  t.strictSame(started, [])

  await saved(() => write('lib/mark.ts', "export const mark = '3'\n"))
  t.strictSame(started, [], 'the rules are still invalid')
  t.match(await saved(() => write('transforms.json', FILES['transforms.json'])), /^Reloaded /)
  t.equal(version(), '31')
})

t.test('a file that is deleted stays in use, and is watched until it exists again', async t => {
  const { transforms, place, write, env, saved } = await open(t)
  t.match(await saved(() => rmSync(place('lib/mark.ts'))), /mark\.ts was saved, but the old version stays/)
  t.equal(loadedVersion({ ...env, ...transforms.workerEnv }, place('mine.ts')), '11')
  t.match(await saved(() => write('lib/mark.ts', "export const mark = '4'\n")), /^Reloaded .*mark\.ts/)
})

t.test('transforms that are invalid at the start are an error', async t => {
  const folder = t.testdir({ 'transforms.json': '{ "rules": [{ "module": "./none.ts" }] }' })
  const env = { ...process.env, NODE_OPTIONS: '', TRANSFORMS: path.join(folder, 'transforms.json') }
  await t.rejects(openTransforms(env), { name: TransformsError.name, message: /\/rules\/0\/module: .*none\.ts/ })
})

t.test('a close deletes the sources that were kept', async t => {
  const { transforms } = await open(t)
  const file = transforms.workerEnv[SNAPSHOT_VARIABLE] ?? ''
  t.ok(existsSync(file))
  await transforms.close()
  t.notOk(existsSync(file))
})
