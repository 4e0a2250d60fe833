import path from 'node:path'
import t from 'tap'
import { versionOfProgram } from '../../bench/entries/client-contenders.ts'
import { checkUploads } from '../../bench/entries/client-round.ts'
import { parseTimes, timeCommand } from '../../bench/lib/timed-command.ts'
import { runProgram } from '../support/processes.ts'

const run = path.resolve(import.meta.dirname, '../../bench/run.ts')

const summary = { median: Number, min: Number, max: Number, samples: 1 }
const figures = { cpuSeconds: summary, seconds: summary }

t.test('the client benchmark measures a large file and small files with every installed program', async t => {
  const program = runProgram(t, [run, 'client', '--quick', '--json'])
  t.strictSame(await program.ended, { code: 0, signal: null }, program.stderr())
  const reports = program
    .stdout()
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  t.strictSame(
    reports.map(({ name }) => name),
    ['client-large', 'client-small'],
  )
  const optional = { 'aws s3 cp': 'aws', curl: 'curl' }
  const installed = Object.entries(optional).filter(([, file]) => versionOfProgram(file) !== undefined)
  const others = [...installed.map(([name]) => name), 'tus-js-client']
  for (const report of reports) {
    const own = ['headgate upload', 'client library']
    t.strictSame(Object.keys(report.figures).sort(), [...own, ...others].sort())
    t.match(report.figures, Object.fromEntries([...own, ...others].map(name => [name, figures])))
    for (const one of own) for (const other of others) t.match(report.ratios[`${one}/${other}`], figures)
  }
  for (const [name, file] of Object.entries(optional)) {
    if (!others.includes(name)) t.match(program.stderr(), `${file} is not installed, so it is not compared`)
  }
})

t.test('a program that is not installed has no version', async t => {
  t.equal(versionOfProgram('headgate-no-such-program'), undefined)
})

t.test('files that did not arrive exactly once and completely make the figures void', async t => {
  const files = { digests: new Map([...'ab'].map(name => [name, `digest of ${name}`])) }
  const whole = [...files.digests].map(([filename, sha256]) => ({ filename, sha256 }))
  checkUploads('curl', files, whole)
  const [a, b] = whole as [(typeof whole)[0], (typeof whole)[0]]
  for (const wrong of [[a], [a, b, b], [a, { ...b, sha256: 'other' }], [a, { filename: 'c', sha256: b.sha256 }]]) {
    t.throws(() => checkUploads('curl', files, wrong), { name: 'BenchError', message: /the figures are void/ })
  }
})

t.test('the CPU time of a command includes its child processes', async t => {
  const settings = { name: 'parent', env: process.env, timeoutMs: 60_000 }
  const burn = 'while (process.cpuUsage().user < 300_000);'
  const parent = `require('node:child_process').execFileSync(process.execPath, ['-e', ${JSON.stringify(burn)}])`
  const { cpuSeconds, seconds } = await timeCommand({ file: process.execPath, args: ['-e', parent] }, settings)
  t.ok(cpuSeconds >= 0.3, `${cpuSeconds} s`)
  t.ok(seconds > 0)
})

t.test('a command that fails or takes too long is an error with its last output', async t => {
  const settings = { name: 'program', env: process.env, timeoutMs: 60_000 }
  const command = (code: string) => ({ file: process.execPath, args: ['-e', code] })
  await t.rejects(timeCommand(command("console.error('no space'); process.exitCode = 3"), settings), {
    name: 'BenchError',
    message: 'program ended with exit code 3.\nno space',
  })
  await t.rejects(timeCommand(command('setInterval(() => {}, 1_000)'), { ...settings, timeoutMs: 100 }), {
    name: 'BenchError',
    message: /program ended with SIGKILL/,
  })
})

t.test('the times of dash and of bash are read', async t => {
  t.equal(parseTimes('0m0.000000s 0m0.010000s\n1m2.500000s 0m0.250000s\n'), 62.75)
  t.equal(parseTimes('0m0.001s 0m0.002s\n0m1.500s 1m0.250s\n'), 61.75)
  t.equal(parseTimes('0m0.00s 0m0.00s\n0m0.00s 0m0.00s\n'), 0.01, 'no program takes no time')
  t.throws(() => parseTimes(''), { name: 'BenchError' })
})
