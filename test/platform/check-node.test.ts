import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { importsOf } from '../support/imports.ts'

const root = path.resolve(import.meta.dirname, '../..')
const check = path.join(root, 'services/platform/check-node.cjs')
const read = (file: string) => readFileSync(path.join(root, file), 'utf8')
const { engines, scripts } = JSON.parse(read('package.json')) as {
  engines: { node: string }
  scripts: Record<'start' | 'headgate', string>
}

/** Runs the check as an older or newer Node would, before a program that prints `ran`. */
function runAs(version: string, env: Record<string, string> = {}) {
  const node = `data:text/javascript,Object.defineProperty(process,"versions",{value:{node:"${version}"}})`
  const program = ['--import', node, '--eval', `require(${JSON.stringify(check)});console.log("ran")`]
  const { stdout, stderr, status } = spawnSync(process.execPath, program, { encoding: 'utf8', env })
  return { stdout, stderr, status }
}

t.test('accepts the Node of engines and every newer one', async t => {
  const minimum = engines.node.replace('>=', '')
  for (const version of [`${minimum}.0`, '22.100.0', '23.0.0', '24.21.0', '100.0.0']) {
    t.strictSame(runAs(version), { stdout: 'ran\n', stderr: '', status: 0 }, version)
  }
})

t.test('reports an older Node in one line', async t => {
  for (const version of ['12.22.12', '20.20.2', '22.17.9']) {
    t.strictSame(
      runAs(version),
      {
        stdout: '',
        stderr: `Headgate needs Node 22.19 or newer. This is Node ${version}, ${process.execPath}.\n`,
        status: 1,
      },
      version,
    )
  }
})

t.test('sends the user of a clone to npm ci, which installs a Node', async t => {
  const env = { npm_package_name: 'headgate', npm_package_json: path.join(root, 'package.json') }
  t.strictSame(runAs('20.20.2', env), {
    stdout: '',
    stderr: 'Headgate needs Node 22.19 or newer. This is Node 20.20.2. Run npm ci, which installs a newer one.\n',
    status: 1,
  })
  const fresh = { ...env, npm_package_json: path.join(t.testdir(), 'package.json') }
  t.strictSame(runAs('24.21.0', fresh), {
    stdout: '',
    stderr: 'Run npm ci first. It installs the packages, and a Node that runs Headgate.\n',
    status: 1,
  })
})

t.test('runs before everything that an old Node cannot parse', async t => {
  t.strictSame(
    importsOf(read('services/cli/headgate.ts')).map(({ specifier }) => specifier),
    ['../platform/check-node.cjs', './main.ts'],
  )
  t.match(
    read('services/cli/headgate.ts'),
    "\nawait import('./main.ts')\n",
    'the second one is imported after the check',
  )
  for (const script of [scripts.start, scripts.headgate]) {
    t.match(script, /^node --require \.\/services\/platform\/check-node\.cjs /)
  }
})
