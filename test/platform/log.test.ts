import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync } from 'node:fs'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pino } from 'pino'
import t from 'tap'
import { logOptions } from '../../services/platform/log.ts'

const jwt = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl-_x'
const jwe = 'eyJjdHkiOiJKV1QifQ.ZW5jcnlwdGVk.aXY.Y2lwaGVydGV4dA.dGFn'

function memoryLog(level = 'trace') {
  const lines: string[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    },
  })
  return { log: pino(logOptions({ level, role: 'api' }), stream), lines }
}

/** Runs a function that logs one line. Returns the line as text and parsed. */
function written(write: (log: ReturnType<typeof memoryLog>['log']) => void) {
  const { log, lines } = memoryLog()
  write(log)
  const [text = ''] = lines
  return { text, line: JSON.parse(text) as Record<string, unknown> }
}

t.test('writes JSON lines with the name of the level, the role, the pid and the time in UTC', async t => {
  const { line } = written(log => log.warn({ uploadId: 'u' }, 'hello'))
  t.match(line, { level: 'warn', role: 'api', pid: process.pid, uploadId: 'u', msg: 'hello' })
  t.match(line.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
})

t.test('omits lines below the level', async t => {
  const { log, lines } = memoryLog('warn')
  log.info('no')
  log.error('yes')
  t.match(lines, [/"yes"/])
  t.equal(lines.length, 1)
})

t.test('redacts a token anywhere in a line', async t => {
  const cause = new Error(`at the bottom\n${jwt}`)
  const places: Record<string, (log: ReturnType<typeof memoryLog>['log']) => void> = {
    message: log => log.info(`refused ${jwt}`),
    'format argument': log => log.info('refused %s', jwt),
    'top field': log => log.info({ authorization: `Bearer ${jwt}` }),
    'header of a request': log =>
      log.info({ req: { headers: { authorization: `Bearer ${jwt}`, cookie: `a=${jwt}` } } }),
    'foreign name': log => log.info({ a: { b: { c: [{ whatever: jwt }] } } }),
    'reply of Cognito': log =>
      log.info({ reply: { AuthenticationResult: { AccessToken: jwt, IdToken: jwt, RefreshToken: jwe } } }),
    'child logger': log => log.child({ headers: { Authorization: `Bearer ${jwt}` } }).info('x'),
    'error and its cause': log => log.error({ err: new Error(`Bearer ${jwt}`, { cause }) }, 'x'),
    'query of a URL': log => log.info({ url: `/uploads?id_token=${jwt}&x=1` }),
    'JSON inside a text': log => log.info({ body: JSON.stringify({ AccessToken: jwt, RefreshToken: jwe }) }),
    'two in a text': log => log.info(`${jwt} ${jwe},${jwt}`),
  }
  for (const [place, write] of Object.entries(places)) {
    const { text } = written(write)
    t.notMatch(text, /eyJ|signature|c2lnbmF0dXJl|ZW5jcnlwdGVk|dGFn/, place)
    t.match(text, '[redacted]', place)
  }
})

t.test('redacts a secret that is not a JWT by its field name, at any depth and with any content', async t => {
  const secret = 'opaque "quoted\\" secret\n\u2028'
  for (const name of ['authorization', 'Authorization', 'cookie', 'password', 'AccessToken', 'RefreshToken']) {
    const { text, line } = written(log => log.info({ a: { b: { [name]: secret } }, after: 'kept' }, 'done'))
    t.notMatch(text, /opaque|quoted|secret/, name)
    t.match(line, { a: { b: { [name]: '[redacted]' } }, after: 'kept', msg: 'done' }, name)
  }
})

t.test('redacts the secret of a webhook anywhere in a line', async t => {
  const secret = `whsec_${Buffer.alloc(32, 0xfb).toString('base64')}`
  const { text } = written(log => log.error({ err: new Error(`bad ${secret},`), secrets: [secret] }, secret))
  t.notMatch(text, /whsec_|-\/v7/)
  t.equal(text.match(/\[redacted\]/g)?.length, 4, 'the message, the stack, the field and the text of the line')
})

t.test('keeps text that only resembles a secret', async t => {
  const line = { filename: 'eyJ.txt', tokenUse: 'access', sha256: 'a'.repeat(64), key: 'uploads/keyJ.x/b' }
  t.match(written(log => log.info(line, 'authorization failed')).line, { ...line, msg: 'authorization failed' })
})

t.test('redacts hostile text in little time', async t => {
  const started = process.cpuUsage()
  for (const text of ['eyJ'.repeat(20_000), 'eyJa.'.repeat(10_000), '"cookie":"'.repeat(6_000), '\\'.repeat(60_000)]) {
    written(log => log.info({ url: text }))
  }
  const { user, system } = process.cpuUsage(started)
  t.ok(user + system < 1_000_000, `${user + system} µs`)
})

t.test(
  'a process goes on without its log where that cannot be written',
  { skip: !existsSync('/dev/full') },
  async t => {
    const full = openSync('/dev/full', 'w')
    t.teardown(() => closeSync(full))
    const script = `
    const { createLogger } = await import(${JSON.stringify(new URL('../../services/platform/log.ts', import.meta.url))})
    const log = createLogger({ level: 'info', role: 'worker' })
    for (let n = 0; n < 3_000; n++) {
      log.info({ text: 'x'.repeat(1_000) }, 'nobody reads it')
      if (n % 100 === 0) await new Promise(resolve => setTimeout(resolve, 1))
    }
    process.stderr.write('still here')`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      env: { PATH: process.env.PATH },
      stdio: ['ignore', full, 'pipe'],
    })
    if (!child.stderr) throw new Error('no stderr')
    const said = text(child.stderr)
    const [code] = await once(child, 'close')
    t.match(await said, 'still here')
    t.equal((await said).split('The log cannot be written: ENOSPC').length - 1, 1, 'and says so once')
    t.equal(code, 0)
  },
)
