import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import t from 'tap'
import { isAlive } from '../support/processes.ts'
import { named, startPipeline, untilUp } from './npm-start.ts'

t.test('when a worker dies it says which and how, stops everything, and exits with 1', async t => {
  const program = startPipeline(t, ['--port', '0'])
  const children = await untilUp(t, program)
  process.kill(named(children, 'worker/worker.ts')[0] ?? 0, 'SIGKILL')
  t.strictSame(await program.ended, { code: 1, signal: null })
  t.match(
    program.stderr(),
    /^The logs are in .+\n\nThe worker [12] ended by itself \(SIGKILL\)\. Its last lines:\n {2}/,
  )
  t.notOk(children.some(isAlive))
})

t.test('when Kinesis dies it says so, stops everything, and exits with 1', async t => {
  const program = startPipeline(t, ['--port', '0'])
  const children = await untilUp(t, program)
  process.kill(named(children, 'kinesis-child')[0] ?? 0, 'SIGKILL')
  t.strictSame(await program.ended, { code: 1, signal: null })
  t.match(program.stderr(), 'The embedded Kinesis ended by itself (SIGKILL).')
  t.notOk(children.some(isAlive))
})

t.test('an api that does not start fails the run, with what it wrote', async t => {
  const program = startPipeline(t, ['--once'], { KEY_TEMPLATE: 'nonsense' })
  t.strictSame(await program.ended, { code: 1, signal: null })
  t.match(
    program.stderr(),
    /The api ended by itself \(exit code 1\)\. Its last lines:\n[\s\S]*KEY_TEMPLATE: must be one of/,
  )
})

t.test('a port that is taken is told in one line', async t => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const program = startPipeline(t, ['--port', String(port)])
  t.strictSame(await program.ended, { code: 1, signal: null })
  t.match(program.stderr(), `Port ${port}, for the api, is taken: stop what listens on it, or choose another port.\n`)
})

t.test('wrong flags are told with the usage, and --help shows it', async t => {
  const wrong = startPipeline(t, ['--twice'])
  t.strictSame(await wrong.ended, { code: 1, signal: null })
  t.match(wrong.stderr(), /^Unknown option '--twice'\n\nUsage: npm start -- \[options\]/)
  const help = startPipeline(t, ['--help'])
  t.strictSame(await help.ended, { code: 0, signal: null })
  t.match(help.stdout(), /^Usage: npm start -- \[options\]/)
})

t.test('a data directory that cannot be used is told without a stack', async t => {
  const dir = t.testdir({ file: '' })
  const program = startPipeline(t, ['--once', '--data', path.join(dir, 'file')])
  t.strictSame(await program.ended, { code: 1, signal: null })
  t.match(program.stderr(), /^There is no place for the logs: .+file/)
  t.notMatch(program.stderr(), '    at ')
})
