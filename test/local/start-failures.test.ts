import { readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { findPort } from '../../services/local/ports.ts'
import { descendants, isAlive, until } from '../support/processes.ts'
import { named, startPipeline, untilUp } from './npm-start.ts'

t.test(
  'a worker that dies is reported in one line and restarted, and so are a worker and an api that keep dying',
  async t => {
    const program = startPipeline(t, ['--port', '0'])
    const children = await untilUp(t, program)
    const [victim = 0] = named(children, 'worker/worker.ts')
    process.kill(victim, 'SIGKILL')
    await until(() => program.stderr().includes('\n'), { what: 'the notice' })
    t.match(program.stderr(), /^The worker [12] ended by itself \(SIGKILL\).* It restarts in 0\.25 s\.\n$/)
    await until(() => named(descendants(program.pid), 'worker/worker.ts').length === 2, { what: 'the new worker' })
    t.notOk(named(descendants(program.pid), 'worker/worker.ts').includes(victim))

    const notices = () => program.stderr().split('\n').length - 1
    const current = (file: string) =>
      named(descendants(program.pid), file).find(pid => !victims.includes(pid) && isAlive(pid))
    const victims: number[] = [victim]
    for (let death = 1; death <= 5; death++) {
      for (const file of ['worker/worker.ts', 'api/server.ts']) {
        await until(() => current(file) !== undefined, { timeoutMs: 30_000, what: `${file}, ${death}` })
        const before = notices()
        victims.push(current(file) ?? 0)
        process.kill(victims.at(-1) ?? 0, 'SIGKILL')
        await until(() => notices() > before, { what: `the notice of death ${death}` })
      }
    }
    t.match(program.stderr(), /^The api ended by itself \(SIGKILL\).* It restarts in 4 s\.$/m)
    t.equal(program.child.exitCode, null, 'everything else keeps running')
    t.ok(named(children, 'kinesis-child').every(isAlive))
    const api = /^API=(.+)$/m.exec(program.stdout())?.[1]
    await until(() => current('api/server.ts') !== undefined, { timeoutMs: 30_000, what: 'the api' })
    let status = 0
    for (const deadline = Date.now() + 30_000; status !== 200 && Date.now() < deadline; await wait(100)) {
      status = await fetch(`${api}/readyz`).then(
        response => response.status,
        () => 0,
      )
    }
    t.equal(status, 200, 'the api serves at its old place')
    await until(() => named(descendants(program.pid), 'worker/worker.ts').length === 2, {
      timeoutMs: 30_000,
      what: 'the restarted workers',
    })
    const workers = named(descendants(program.pid), 'worker/worker.ts')
    process.kill(-program.pid, 'SIGINT')
    t.strictSame(await program.ended, { code: 0, signal: null })
    t.notOk(workers.some(isAlive), 'and the new workers are stopped with the others')
  },
)

/** With custom transforms, two more workers may stand by. */
const hasTwoWorkers = (pids: readonly number[]) => named(pids, 'worker/worker.ts').length >= 2

t.test('a transform that rejects the demo upload is reported, and the pipeline keeps running', async t => {
  const folder = t.testdir({
    'refusing.mjs': `
      export default {
        name: 'refusing',
        version: '1',
        apply() {
          throw Object.assign(new Error('no text is wanted here'), { code: 'HEADGATE_TRANSFORM_REFUSED' })
        },
      }`,
  })
  const rules = [{ contentType: 'text/*', module: path.join(folder, 'refusing.mjs') }]
  const env = { TRANSFORMS: JSON.stringify({ rules }) }
  const program = startPipeline(t, ['--port', '0'], env)
  const children = await untilUp(t, program, { isWhole: hasTwoWorkers })
  t.match(
    program.stderr(),
    'The demo upload was not processed: The upload failed: HEADGATE_TRANSFORM_REFUSED: no text is',
  )
  t.match(
    program.stderr(),
    /^Upload failed: demo\.txt \([0-9a-f-]{36}\): HEADGATE_TRANSFORM_REFUSED: no text is wanted here\.$/m,
  )
  t.match(program.stdout(), /^TOKEN=ey/m, 'there is a token to go on with')
  t.notMatch(program.stdout(), 'what became of the upload above')
  t.ok(
    ['s3-child', 'kinesis-child', 'api/server.ts', 'worker/worker.ts'].every(file =>
      named(children, file).every(isAlive),
    ),
  )
  process.kill(-program.pid, 'SIGINT')
  t.strictSame(await program.ended, { code: 0, signal: null })

  const once = startPipeline(t, ['--once'], env)
  t.strictSame(await once.ended, { code: 1, signal: null })
  t.match(once.stderr(), 'The upload failed: HEADGATE_TRANSFORM_REFUSED: no text is wanted here')
})

t.test('transforms that cannot be loaded end the run with the reason', async t => {
  const program = startPipeline(t, ['--port', '0'], { TRANSFORMS: '{"rules":[{"transform":"none"}]}' })
  t.strictSame(await program.ended, { code: 1, signal: null })
  t.match(program.stderr(), /^The transforms cannot be loaded:\nTRANSFORMS: \/rules\/0\/transform: must be one of/)
  t.notMatch(program.stderr(), '    at ')

  const unwatched = startPipeline(t, ['--port', '0', '--no-watch'], { TRANSFORMS: '{"rules":[{"transform":"none"}]}' })
  t.strictSame(await unwatched.ended, { code: 1, signal: null })
  t.match(unwatched.stderr(), /The worker [12] ended by itself \(exit code 1\)\. Its last lines:\n[\s\S]*TRANSFORMS/)
})

t.test('with --once, a worker that dies fails the run', async t => {
  const program = startPipeline(t, ['--once'])
  await until(() => named(descendants(program.pid), 'worker/worker.ts').length > 0, { timeoutMs: 30_000 })
  process.kill(named(descendants(program.pid), 'worker/worker.ts')[0] ?? 0, 'SIGKILL')
  t.strictSame(await program.ended, { code: 1, signal: null })
  t.match(program.stderr(), /The worker [12] ended by itself \(SIGKILL\)\. Its last lines:/)
})

t.test('the death of Kinesis is reported, stops everything, and exits with 1', async t => {
  const program = startPipeline(t, ['--port', '0'])
  const children = await untilUp(t, program)
  process.kill(named(children, 'kinesis-child')[0] ?? 0, 'SIGKILL')
  t.strictSame(await program.ended, { code: 1, signal: null })
  t.match(program.stderr(), 'The embedded Kinesis ended by itself (SIGKILL).')
  t.notOk(children.some(isAlive))
})

t.test('an api that does not start fails the run, with its last lines, which name each invalid variable', async t => {
  const program = startPipeline(t, ['--once'], { MAX_JSON_BYTES: '1', KEY_TEMPLATE: 'nonsense' })
  t.strictSame(await program.ended, { code: 1, signal: null })
  t.match(
    program.stderr(),
    /The api ended by itself \(exit code 1\)\. Its last lines:\n[\s\S]*MAX_JSON_BYTES: must be >= 1024/,
  )
  t.match(program.stderr(), /KEY_TEMPLATE/)
})

t.test('a port in use is reported in one line, with a command that uses a free port', async t => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const program = startPipeline(t, ['--port', String(port)])
  t.strictSame(await program.ended, { code: 1, signal: null })
  const [, taken, free] =
    /^Port (\d+), for the api, is in use: stop the program that listens on it, or choose another port: npm start -- --port (\d+)\n$/.exec(
      program.stderr(),
    ) ?? []
  t.equal(Number(taken), port, program.stderr())
  t.ok(Number(free) > port && Number(free) <= port + 100)
  t.equal(await findPort('127.0.0.1', Number(free)), Number(free))
  t.strictSame(readdirSync(program.tmp), [], 'and leaves no folder for logs that there are none of')
})

t.test('an invalid flag is reported in one line, and --help prints the usage', async t => {
  const wrong = startPipeline(t, ['--twice'])
  t.strictSame(await wrong.ended, { code: 1, signal: null })
  t.match(wrong.stderr(), /^Unknown option '--twice'\. See: npm start -- --help\n$/)
  const help = startPipeline(t, ['--help'])
  t.strictSame(await help.ended, { code: 0, signal: null })
  t.match(help.stdout(), /^Usage: npm start -- \[options\]/)
})

t.test('a data directory that cannot be used is reported without a stack trace', async t => {
  const dir = t.testdir({ file: '' })
  const program = startPipeline(t, ['--once', '--data', path.join(dir, 'file')])
  t.strictSame(await program.ended, { code: 1, signal: null })
  t.match(program.stderr(), /^The folder of the logs cannot be created: .+file/)
  t.notMatch(program.stderr(), '    at ')
})
