import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { openLogFiles } from '../../services/local/pipeline/log-files.ts'
import { until } from '../support/processes.ts'

t.test('where nothing was written nothing is left, and nothing is there to be named', async t => {
  const logs = openLogFiles(undefined, t.fail)
  logs.open('api')
  t.ok(existsSync(logs.dir), 'that it can be written to is known at once')
  await logs.close()
  t.notOk(logs.hasLines())
  t.notOk(existsSync(logs.dir))

  const dataDir = path.join(t.testdir(), 'a', 'b')
  await openLogFiles(dataDir, t.fail).close()
  t.strictSame(readdirSync(t.testdirName), [], 'of a data directory either')
})

t.test('what was there before stays there', async t => {
  const dataDir = t.testdir({ logs: {}, other: {} })
  await openLogFiles(dataDir, t.fail).close()
  t.strictSame(readdirSync(dataDir).sort(), ['logs', 'other'])
})

t.test('each name has its file, and a line is on the disk after the close', async t => {
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

t.test('a log that cannot be written is reported once, and ends nothing', async t => {
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
