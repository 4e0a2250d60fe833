import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import { runProgram } from '../processes.ts'
import { BUNDLED_PROGRAMS, bundlePrograms } from './bundle-programs.ts'

const root = path.resolve(import.meta.dirname, '../../..')
const program = path.join(root, 'services/cli/headgate.ts')
const usePrograms = pathToFileURL(path.join(import.meta.dirname, 'use-programs.mjs')).href

/** Runs a program to its end, and returns its output. */
async function outputOf(t: Test, args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const started = runProgram(t, args, { env })
  t.strictSame(await started.ended, { code: 0, signal: null }, started.stderr())
  return started.stdout()
}

t.test(
  'a bundle is used until a source or the installed packages change, and has the paths of its sources',
  async t => {
    const source = `import { word } from '../word.ts'\nconsole.log(word, import.meta.filename, import.meta.dirname, import.meta)\n`
    const own = t.testdir({
      'package.json': '{"type":"module"}',
      'package-lock.json': '{}',
      services: { 'word.ts': "export const word: string = 'old'\n", cli: { 'say.ts': source } },
    })
    const bundle = () => bundlePrograms(own, ['cli/say'])
    const say = async (folder: string) => outputOf(t, [path.join(folder, 'cli/say.mjs')])
    const [first, second] = await Promise.all([bundle(), bundle()])
    t.equal(first, second, 'two runs at a time build the same')
    t.strictSame(readdirSync(path.dirname(first)), [path.basename(first)], 'and leave nothing else')
    const file = path.join(own, 'services/cli/say.ts')
    const said = await say(first)
    t.ok(said.startsWith(`old ${file} ${path.dirname(file)} {`), said)
    t.match(said, `url: '${pathToFileURL(file)}'`)

    writeFileSync(path.join(own, 'services/word.ts'), "export const word: string = 'new'\n")
    const changed = await bundle()
    t.not(changed, first)
    t.ok((await say(changed)).startsWith('new '))
    t.equal(await bundle(), changed)
    writeFileSync(path.join(own, 'package-lock.json'), '{"lockfileVersion":3}')
    t.not(await bundle(), changed)
  },
)

t.test('a program of Headgate runs from its bundle, unless a preload may replace its modules', async t => {
  const folder = t.testdir({
    'entries.json': '["cli/headgate"]',
    cli: { 'headgate.mjs': 'console.log("bundle", process.argv[1], process.argv[2])' },
    'preload.mjs': '',
  })
  const env = { [BUNDLED_PROGRAMS]: folder, NODE_OPTIONS: `--import=${usePrograms}` }
  t.equal(await outputOf(t, [program, '--version'], env), `bundle ${program} --version\n`)
  const preload = ['--import', pathToFileURL(path.join(folder, 'preload.mjs')).href]
  t.match(await outputOf(t, [...preload, program, '--version'], env), /^\d+\.\d+\.\d+/)
})

const current = process.env[BUNDLED_PROGRAMS]
const skip = current === undefined && 'only npm test with several files makes bundles of the programs'
t.test('programs that a test starts run from a bundle of the current sources', { skip }, async t => {
  t.equal(current, await bundlePrograms(root))
  const dir = t.testdir({})
  await outputOf(t, ['--cpu-prof', `--cpu-prof-dir=${dir}`, program, '--version'])
  const [profile = ''] = readdirSync(dir)
  const { nodes } = JSON.parse(readFileSync(path.join(dir, profile), 'utf8')) as Profile
  const urls = nodes.map(({ callFrame }) => callFrame.url)
  t.ok(
    urls.some(url => url.startsWith(`${pathToFileURL(current ?? '')}/`)),
    'the profile of the program names the bundle',
  )
  t.strictSame(
    urls.filter(url => url.startsWith(`${pathToFileURL(path.join(root, 'services'))}/`)),
    [],
    'and no source file',
  )
})

interface Profile {
  nodes: { callFrame: { url: string } }[]
}
