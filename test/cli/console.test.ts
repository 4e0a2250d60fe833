import path from 'node:path'
import t from 'tap'
import { NOWHERE } from '../console/support.ts'
import { runProgram, until } from '../support/processes.ts'
import { runHeadgate } from './program.ts'

const headgate = path.resolve(import.meta.dirname, '../../services/cli/headgate.ts')

/** No server has to respond: the console starts, and its page says what is missing. */
const env = {
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'a',
  AWS_SECRET_ACCESS_KEY: 'b',
  AWS_ENDPOINT_URL: NOWHERE,
  API_URL: NOWHERE,
  API_TOKEN: 'token',
  PROCESSED_BUCKET: '',
}

t.test('headgate console serves any stream and application until Ctrl-C, and is read-only by default', async t => {
  const program = runProgram(
    t,
    [headgate, 'console', '--stream', 'orders', '--application', 'order-worker', '--json'],
    {
      env,
    },
  )
  await until(() => program.stdout().includes('\n'), { timeoutMs: 30_000, what: 'the address' })
  const { url } = JSON.parse(program.stdout()) as { url: string }
  const { origin, hash } = new URL(url)
  const response = await fetch(`${origin}/api/about`, {
    headers: { authorization: `Bearer ${hash.slice('#t='.length)}` },
  })
  t.match(await response.json(), {
    streamName: 'orders',
    applicationName: 'order-worker',
    region: 'us-east-1',
    allowChanges: false,
    uploads: { apiUrl: NOWHERE },
    deadLetters: null,
  })
  program.child.kill('SIGINT')
  t.strictSame(await program.ended, { code: 0, signal: null })
  await t.rejects(fetch(origin))
})

t.test('headgate console rejects invalid options', async t => {
  for (const [args, message] of [
    [['--port', '70000'], /--port must be a port/],
    [['--application', 'a b'], /is not the name of an application/],
    [['--stream', 'a b'], /is not the name of a stream/],
  ] as const) {
    const { code, stderr } = await runHeadgate(t, env, 'console', ...args)
    t.equal(code, 2, args.join(' '))
    t.match(stderr, message)
  }
})
