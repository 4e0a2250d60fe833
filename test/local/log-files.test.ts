import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { openLogFiles } from '../../services/local/pipeline/log-files.ts'
import { until } from '../support/processes.ts'

t.test('without lines, no files or folders are left', async t => {
  const logs = openLogFiles(undefined, t.fail)
  logs.open('api')
  t.ok(existsSync(logs.dir), 'a folder that cannot be written to is reported at once')
  await logs.close()
  t.notOk(logs.hasLines())
  t.notOk(existsSync(logs.dir))

  const dataDir = path.join(t.testdir(), 'a', 'b')
  await openLogFiles(dataDir, t.fail).close()
  t.strictSame(readdirSync(t.testdirName), [], 'also in a data directory')
})

t.test('files from before stay', async t => {
  const dataDir = t.testdir({ logs: {}, other: {} })
  await openLogFiles(dataDir, t.fail).close()
  t.strictSame(readdirSync(dataDir).sort(), ['logs', 'other'])
})

t.test('each name has its own file, and after the close every line is on disk', async t => {
  const dataDir = t.testdir()
  const logs = openLogFiles(dataDir, t.fail)
  logs.open('worker 1')('a line')
  logs.open('worker 1')('another')
  t.ok(logs.hasLines())
  await logs.close()
  logs.discard()
  t.equal(readFileSync(path.join(dataDir, 'logs', 'worker-1.log'), 'utf8'), 'a line\nanother\n')
  t.strictSame(readdirSync(path.join(dataDir, 'logs')), ['worker-1.log'])
})

t.test('a log that cannot be written is reported once, and does not end the process', async t => {
  const notices: string[] = []
  const logs = openLogFiles(t.testdir(), notice => notices.push(notice))
  rmSync(logs.dir, { recursive: true })
  const write = logs.open('worker 1')
  write('a line')
  await until(() => notices.length > 0)
  write('another')
  logs.open('api')('a line of another file')
  await logs.close()
  t.match(notices, [/^The log of the worker 1 cannot be written: ENOENT/, /^The log of the api cannot/])
  t.equal(notices.length, 2)
})
