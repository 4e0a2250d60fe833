import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { openLogFiles } from '../../services/local/pipeline/log-files.ts'

t.test('where nothing was written nothing is left, and nothing is there to be named', async t => {
  const logs = openLogFiles(undefined)
  logs.open('api')
  t.ok(existsSync(logs.dir), 'that it can be written to is known at once')
  await logs.close()
  t.notOk(logs.hasLines())
  t.notOk(existsSync(logs.dir))

  const dataDir = path.join(t.testdir(), 'a', 'b')
  await openLogFiles(dataDir).close()
  t.strictSame(readdirSync(t.testdirName), [], 'of a data directory either')
})

t.test('what was there before stays there', async t => {
  const dataDir = t.testdir({ logs: {}, other: {} })
  await openLogFiles(dataDir).close()
  t.strictSame(readdirSync(dataDir).sort(), ['logs', 'other'])
})

t.test('each name has its file, and a line is on the disk after the close', async t => {
  const dataDir = t.testdir()
  const logs = openLogFiles(dataDir)
  logs.open('worker 1')('a line')
  logs.open('worker 1')('another')
  t.ok(logs.hasLines())
  await logs.close()
  logs.discard()
  t.equal(readFileSync(path.join(dataDir, 'logs', 'worker-1.log'), 'utf8'), 'a line\nanother\n')
  t.strictSame(readdirSync(path.join(dataDir, 'logs')), ['worker-1.log'])
})
