import { existsSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { createDataFolder } from '../support/aws.ts'
import { startPipeline } from './npm-start.ts'

t.test('npm start -- --once processes an upload, prints the result, and exits with 0', async t => {
  const env = { PORT: '1', HOST: 'x', HEALTH_PORT: '70000', STREAM_NAME: '/', WORKER_ID: 'w' }
  const program = startPipeline(t, ['--once'], env)
  t.strictSame(await program.ended, { code: 0, signal: null }, program.stderr())
  const out = program.stdout()
  t.match(out, /^ {2}HELLO KINESIS$/m)
  t.match(out, /^ {2}upload +demo\.txt = "hello kinesis"/m)
  t.match(out, /^ {2}processed +s3:\/\/headgate-processed\/processed\/[^/]+\/[^/]+\/demo\.txt$/m)
  t.match(out, /^ {2}took +\d+ ms from the upload, \d+ ms from the start$/m)

  t.comment('npm start ignores variables that it sets itself, even invalid ones, and names them')
  const ignored = [...program.stderr().matchAll(/^npm start ignores (\w+): /gm)].map(([, name]) => name)
  t.strictSame(ignored.sort(), ['HEALTH_PORT', 'PORT', 'STREAM_NAME', 'WORKER_ID'])
})

t.test('with --data, a second run uses the data of the first run', async t => {
  const dataDir = createDataFolder(t)
  for (const round of ['first', 'second']) {
    const program = startPipeline(t, ['--once', '--data', dataDir])
    t.strictSame(await program.ended, { code: 0, signal: null }, `${round}: ${program.stderr()}`)
  }
  t.ok(existsSync(path.join(dataDir, 'logs', 'api.log')), 'the logs are kept there as well')
})
