import { spawnSync } from 'node:child_process'
import path from 'node:path'
import t from 'tap'

const clone = path.resolve(import.meta.dirname, '../..')

/** Runs a script of the clone by npm from another folder, as a user does. */
function npm(cwd: string, ...args: string[]) {
  // npm sets these variables again. Those of the npm that runs the tests would hide its own.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:npm_|INIT_CWD$)/.test(name)))
  return (variables: NodeJS.ProcessEnv = {}) =>
    spawnSync('npm', ['--prefix', clone, ...args], { cwd, encoding: 'utf8', env: { ...env, ...variables } })
}

t.test('relative paths start in the folder in which the user called npm', async t => {
  const dir = t.testdir({ 'notes.txt': 'hello', config: {} })
  const upload = (file: string) =>
    npm(dir, 'run', '-s', 'headgate', '--', 'upload', file)({ HEADGATE_CONFIG_DIR: path.join(dir, 'config') })
  t.match(upload('other.txt'), { status: 2, stderr: /There is no file 'other\.txt'/ })
  t.match(upload('notes.txt'), { status: 2, stderr: /No deployment is known yet/ }, 'the file is found')

  const start = npm(dir, 'start', '-s', '--', '--port', '0')({ TRANSFORMS: 'rules/transforms.json' })
  t.equal(start.status, 1)
  t.match(start.stdout + start.stderr, path.join(dir, 'rules/transforms.json'))
})
