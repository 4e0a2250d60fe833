import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import path from 'node:path'
import { GetShardIteratorCommand, KinesisClient } from '@aws-sdk/client-kinesis'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import t from 'tap'
import { createDataFolder } from '../support/aws.ts'
import { descendants, isAlive, type Program, runProgram, until } from '../support/processes.ts'
import { runHeadgate } from './program.ts'

const headgate = path.resolve(import.meta.dirname, '../../services/cli/headgate.ts')

/** The servers print nothing themselves, so the first complete line is the JSON object. */
async function variablesOf(program: Program): Promise<Record<string, string>> {
  await until(() => program.stdout().includes('\n') || program.child.exitCode !== null, { timeoutMs: 30_000 })
  return JSON.parse(program.stdout())
}

t.test('prints variables that reach the embedded AWS, and SIGINT stops every server', async t => {
  const program = runProgram(t, [headgate, 'local', '--json', '--data', createDataFolder(t)])
  const env = await variablesOf(program)
  t.match(env, { STREAM_NAME: 'uploads-stream', AWS_ENDPOINT_URL_S3: /^http:\/\/127\.0\.0\.1:\d+$/ })
  const kinesis = new KinesisClient({
    // The HTTP/2 of kinesis-local fails now and then.
    requestHandler: new NodeHttpHandler(),
    region: env.AWS_REGION ?? '',
    endpoint: env.AWS_ENDPOINT_URL_KINESIS ?? '',
    credentials: { accessKeyId: env.AWS_ACCESS_KEY_ID ?? '', secretAccessKey: env.AWS_SECRET_ACCESS_KEY ?? '' },
  })
  t.teardown(() => kinesis.destroy())
  const position = { StreamName: env.STREAM_NAME ?? '', ShardId: 'shardId-000000000000' }
  const iterator = await kinesis.send(new GetShardIteratorCommand({ ...position, ShardIteratorType: 'LATEST' }))
  t.ok(iterator.ShardIterator)

  const servers = descendants(program.pid)
  t.ok(servers.length >= 3, 'the embedded AWS, S3 and Kinesis are processes')
  program.child.kill('SIGINT')
  t.strictSame(await program.ended, { code: 0, signal: null })
  t.strictSame(servers.filter(isAlive), [])
  t.equal(program.stderr(), '')
})

t.test('prints lines for a shell, with a note on stderr, and uses four ports in a row from --port', async t => {
  const first = await fourFreePorts()
  const program = runProgram(t, [headgate, 'local', '--port', String(first)])
  await until(() => program.stderr().includes('\n') || program.child.exitCode !== null, { timeoutMs: 30_000 })
  t.match(program.stdout(), `export AWS_ENDPOINT_URL_S3=http://127.0.0.1:${first}\n`)
  t.match(program.stdout(), `export AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:${first + 1}\n`)
  t.match(program.stdout(), `export AWS_ENDPOINT_URL_KINESIS=http://127.0.0.1:${first + 2}\n`)
  t.match(program.stdout(), `export AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER=http://127.0.0.1:${first + 3}\n`)
  t.equal(
    program.stderr(),
    'The embedded AWS is running. Paste the lines above into another terminal. Ctrl-C stops it.\n',
  )

  const second = runProgram(t, [headgate, 'local', '--port', String(first)])
  t.strictSame(await second.ended, { code: 1, signal: null })
  t.equal(
    second.stderr(),
    `Port ${first}, for S3, is in use: stop the program that listens on it, or choose another port.\n`,
  )

  const servers = descendants(program.pid)
  program.child.kill('SIGKILL')
  await until(() => !servers.some(isAlive), { what: 'the end of the servers of a command that was killed' })
})

t.test('refuses a port or a folder that is not one, without starting anything', async t => {
  for (const port of ['65533', '0', 'x', '']) {
    const { code, stderr } = await runHeadgate(t, {}, 'local', '--port', port)
    t.equal(code, 2)
    t.equal(stderr, `--port must be a port from 1 to 65532, not '${port}'. See: headgate local --help\n`)
  }
  const { code, stderr } = await runHeadgate(t, {}, 'local', '--data', '')
  t.equal(code, 2)
  t.match(stderr, '--data must not be empty')
})

/** Returns the first of four free ports in a row, below those that the system gives to other programs. */
async function fourFreePorts(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const first = randomInt(20_000, 30_000)
    const servers = [0, 1, 2, 3].map(offset => createServer().listen(first + offset, '127.0.0.1'))
    const listening = await Promise.allSettled(servers.map(server => once(server, 'listening')))
    await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))))
    if (listening.every(({ status }) => status === 'fulfilled')) return first
  }
  throw new Error('There are no four free ports in a row.')
}
