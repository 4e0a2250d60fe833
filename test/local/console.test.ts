import t from 'tap'
import { isAlive, until } from '../support/processes.ts'
import { named, startPipeline, untilUp } from './npm-start.ts'

t.test('npm start shows the address of its console first, and keeps running if the console dies', async t => {
  const program = startPipeline(t, ['--port', '0'])
  const children = await untilUp(t, program)
  const out = program.stdout()
  const address = /^(http:\/\/127\.0\.0\.1:\d+)\/#t=([\w-]{43})$/m
  const [url = '', origin = '', token = ''] = address.exec(out) ?? []
  t.ok(out.indexOf(url) < out.indexOf('Try it yourself'))

  const about = async (at: string, secret: string) =>
    await (await fetch(`${at}/api/about`, { headers: { authorization: `Bearer ${secret}` } })).json()
  t.match(await about(origin, token), { allowChanges: true, uploads: { user: 'demo@example.com' } })
  const uploads = await fetch(`${origin}/api/uploads`, { headers: { authorization: `Bearer ${token}` } })
  t.match(await uploads.json(), { uploads: [{ filename: 'demo.txt', status: 'processed' }] })

  const [pid = 0] = named(children, 'local/console.ts')
  process.kill(pid, 'SIGKILL')
  await until(() => program.stderr().includes('The console has a new address: '), {
    timeoutMs: 30_000,
    what: 'a restart',
  })
  const [, newOrigin = '', newToken = ''] =
    address.exec(program.stderr().split('The console has a new address: ')[1] ?? '') ?? []
  t.match(await about(newOrigin, newToken), { allowChanges: true })
  t.ok(children.filter(child => child !== pid).every(isAlive), 'everything else has kept running')
  t.notMatch(program.stdout().split('Ctrl-C stops everything')[1] ?? '', token)

  process.kill(program.pid, 'SIGINT')
  t.strictSame(await program.ended, { code: 0, signal: null })
})
