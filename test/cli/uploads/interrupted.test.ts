import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { linkSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { MIB, sha256Of, startScene } from '../../client/support.ts'
import { startAws } from '../../support/aws.ts'
import { to } from '../../support/fault-proxy.ts'
import { cutReplyAfter, hold, reset, silence } from '../../support/faults/faults.ts'
import { runProgram } from '../../support/processes.ts'
import { headgateHere } from '../program.ts'

const program = path.resolve(import.meta.dirname, '../../../services/cli/headgate.ts')
const aws = await startAws(t)
const { api, user, apiProxy, s3Proxy } = await startScene(t, aws)
const env = { API_URL: api.url, API_TOKEN: user.idToken }
const headgate = headgateHere(t, env)

const partOf = (file: string, etag: string, pid: number) => `.${file}.${etag}.${pid}.headgate-part`

/** Returns the id of a process that has ended. */
async function endedPid(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' })
  await once(child, 'exit')
  return child.pid ?? 0
}

t.test('an upload goes on after kill -9, Ctrl-C and SIGTERM with the parts that are missing', async t => {
  const dir = t.testdir()
  const file = path.join(dir, 'large.bin')
  const bytes = randomBytes(32 * MIB)
  writeFileSync(file, bytes)
  const puts = () => s3Proxy.count(to('PUT'))
  for (const { signal, code } of [
    { signal: 'SIGKILL', code: null },
    { signal: 'SIGINT', code: 130 },
    { signal: 'SIGTERM', code: 143 },
  ] as const) {
    // One part of this run arrives and the others never do, so the command cannot be done before the signal.
    const arrived = Promise.withResolvers<void>()
    s3Proxy.inject(async exchange => void arrived.resolve(await exchange.pass()), { when: to('PUT'), times: 1 })
    const stuck = s3Proxy.inject(silence, { when: to('PUT') })
    const running = runProgram(t, [program, 'upload', file], { env })
    await Promise.all([arrived.promise, stuck.reached()])
    running.child.kill(signal)
    const ended = await running.ended
    t.equal(ended.code, code)
    if (code !== null) t.match(running.stderr(), 'Stopped. Run the same command again to go on.\n')
    stuck.remove()
  }
  const before = puts()
  const done = await headgate('upload', file, '--json')
  const [uploaded] = done.lines()
  t.equal(uploaded.sha256, sha256Of(bytes))
  t.equal(puts() - before, 1, 'three of four parts had arrived')
  const { objects } = await user.traces()
  t.equal(objects.length, 1, 'there is one object')
})

t.test('a download goes on after the connection was lost, and after the command was killed', async t => {
  const dir = t.testdir()
  const file = path.join(dir, 'large.bin')
  const bytes = randomBytes(20 * MIB)
  writeFileSync(file, bytes)
  const { uploadId } = (await headgate('upload', file, '--json')).lines()[0]
  const target = path.join(dir, 'back.bin')
  const parts = () => readdirSync(dir).filter(name => name.endsWith('.headgate-part'))

  // The first two responses end in the middle, and the third one never goes on.
  const cut = s3Proxy.inject(cutReplyAfter(3 * MIB), { when: to('GET'), times: 2 })
  const stuck = s3Proxy.inject(silence, { when: request => to('GET')(request) && cut.hits === 2 })
  const running = runProgram(t, [program, 'get', uploadId, '-o', target], { env })
  await stuck.reached()
  running.child.kill('SIGKILL')
  await running.ended
  stuck.remove()
  t.equal(parts().length, 1)
  t.throws(() => readFileSync(target), { code: 'ENOENT' }, 'nothing incomplete has the final name')

  t.match(await headgate('get', uploadId, '-o', target), { code: 0 })
  t.ok(readFileSync(target).equals(bytes))
  t.strictSame(parts(), [])
})

t.test('a part file of another object, or with other bytes, is not used', async t => {
  const dir = t.testdir({ 'a.txt': 'the right bytes' })
  const { uploadId } = (await headgate('upload', path.join(dir, 'a.txt'), '--json')).lines()[0]
  const target = path.join(dir, 'back.txt')
  writeFileSync(path.join(dir, partOf('back.txt', 'another', await endedPid())), 'the wr')
  t.equal((await headgate('get', uploadId, '-o', target)).code, 0)
  t.equal(readFileSync(target, 'utf8'), 'the right bytes')

  writeFileSync(path.join(dir, partOf('other.txt', 'another', await endedPid())), 'the wrong bytes')
  t.match(await headgate('get', uploadId, '-o', path.join(dir, 'other.txt')), {
    code: 1,
    stderr: 'Other bytes arrived than those of the upload. Run the command again.\n',
  })
  t.equal((await headgate('get', uploadId, '-o', path.join(dir, 'other.txt'))).code, 0)
  t.strictSame(readdirSync(dir).sort(), ['a.txt', 'back.txt', 'other.txt'])
})

t.test('a part file that is a link, or that is too long, is removed and not written to', async t => {
  const dir = t.testdir({ 'a.txt': 'the right bytes', victim: 'the' })
  const { uploadId } = (await headgate('upload', path.join(dir, 'a.txt'), '--json')).lines()[0]
  const victim = path.join(dir, 'victim')
  const part = path.join(dir, partOf('back.txt', 'etag', await endedPid()))
  const plant = [
    () => symlinkSync(victim, part),
    () => linkSync(victim, part),
    () => writeFileSync(part, 'x'.repeat(100)),
  ]
  for (const each of plant) {
    each()
    t.match(await headgate('get', uploadId, '-o', path.join(dir, 'back.txt'), '--force'), { code: 0 })
    t.equal(readFileSync(victim, 'utf8'), 'the')
    t.equal(readFileSync(path.join(dir, 'back.txt'), 'utf8'), 'the right bytes')
  }
  t.strictSame(readdirSync(dir).sort(), ['a.txt', 'back.txt', 'victim'])
})

t.test('a part that another running command writes, and the part of another file, stay as they are', async t => {
  const dir = t.testdir({ 'a.txt': 'the right bytes' })
  const { uploadId } = (await headgate('upload', path.join(dir, 'a.txt'), '--json')).lines()[0]
  const others = [
    partOf('back.txt', 'etag', process.ppid),
    // The name of this file begins with the name of the target.
    partOf('back.txt.gz', 'etag', await endedPid()),
  ]
  for (const name of others) writeFileSync(path.join(dir, name), 'the')
  t.match(await headgate('get', uploadId, '-o', path.join(dir, 'back.txt')), { code: 0 })
  t.equal(readFileSync(path.join(dir, 'back.txt'), 'utf8'), 'the right bytes')
  t.strictSame(readdirSync(dir).sort(), [...others, 'a.txt', 'back.txt'].sort())
  for (const name of others) t.equal(readFileSync(path.join(dir, name), 'utf8'), 'the')
})

t.test('two downloads into one file at once leave the whole file and no part', async t => {
  const dir = t.testdir()
  const bytes = randomBytes(20 * MIB)
  writeFileSync(path.join(dir, 'large.bin'), bytes)
  const { uploadId } = (await headgate('upload', path.join(dir, 'large.bin'), '--json')).lines()[0]
  const target = path.join(dir, 'back.bin')
  // The first download stops in the middle until the second one is done.
  const half = Promise.withResolvers<void>()
  s3Proxy.inject(cutReplyAfter(5 * MIB), { when: to('GET'), times: 1 })
  const held = s3Proxy.inject(hold(half.promise), { when: to('GET'), times: 1 })
  const first = runProgram(t, [program, 'get', uploadId, '-o', target], { env })
  await held.reached()
  const second = await headgate('get', uploadId, '-o', target)
  half.resolve()
  t.equal((await first.ended).code, 0, first.stderr())
  t.equal(second.code, 0, second.stderr)
  t.ok(readFileSync(target).equals(bytes))
  t.strictSame(readdirSync(dir).sort(), ['back.bin', 'large.bin'])
})

t.test('two commands that upload the same large file make one upload', async t => {
  const file = path.join(t.testdir(), 'twice.bin')
  writeFileSync(file, randomBytes(24 * MIB))
  const runs = [1, 2].map(() => runProgram(t, [program, 'upload', file, '--json'], { env }))
  const ended = await Promise.all(runs.map(run => run.ended))
  t.strictSame(
    ended.map(({ code }) => code),
    [0, 0],
    runs.map(run => run.stderr()).join(''),
  )
  const ids = runs.map(run => JSON.parse(run.stdout()).uploadId)
  t.equal(ids[0], ids[1])
})

t.test('a file that changes while it is sent fails, and the others are uploaded', async t => {
  const dir = t.testdir({ 'small.txt': 'small' })
  const file = path.join(dir, 'changing.bin')
  writeFileSync(file, randomBytes(40 * MIB))
  const changed = s3Proxy.inject(
    async exchange => {
      writeFileSync(file, randomBytes(40 * MIB))
      await exchange.reset()
    },
    { when: to('PUT'), times: 1 },
  )
  const result = await headgate('upload', '-r', dir, '--json')
  t.equal(changed.hits, 1)
  t.equal(result.code, 1)
  t.strictSame(
    result.lines().map(line => line.filename),
    ['small.txt'],
  )
  t.match(JSON.parse(result.stderr), { file, error: { code: 'HEADGATE_UNREADABLE_FILE' } })
})

t.test('a lost connection is reported at once, and the command goes on', async t => {
  apiProxy.inject(reset, { when: to('GET', /^\/uploads/), times: 1 })
  const listed = await headgateHere(t, { ...env, API_URL: apiProxy.url })('ls')
  t.equal(listed.code, 0)
  t.match(listed.stderr, `${apiProxy.url} did not respond. Trying again for a minute.\n`)
})
