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

t.test('npm runs `headgate` in the folder of the user, and hints say how it is called there', async t => {
  const dir = t.testdir({ 'notes.txt': 'hello', config: {} })
  const upload = (file: string) =>
    npm(dir, 'run', '-s', 'headgate', '--', 'upload', file)({ HEADGATE_CONFIG_DIR: path.join(dir, 'config') })
  t.match(upload('other.txt'), { status: 2, stderr: /There is no file 'other\.txt'/ })
  t.match(upload('notes.txt'), { status: 2, stderr: /No deployment is known yet/ }, 'the file is found')

  const unknown = npm(clone, 'run', '-s', 'headgate', '--', 'status')()
  t.match(unknown.stderr, /`headgate ls` lists the ids\.\nHere, `headgate` is: npm run -s headgate --\n$/)
  const json = npm(clone, 'run', '-s', 'headgate', '--', 'status', '--json')()
  t.match(JSON.parse(json.stderr), { error: { code: 'HEADGATE_USAGE' } }, 'programs get JSON only')

  const start = npm(dir, 'start', '-s', '--', '--port', '0')({ TRANSFORMS: 'rules/transforms.json' })
  t.equal(start.status, 1)
  t.match(start.stdout + start.stderr, path.join(dir, 'rules/transforms.json'))
})
