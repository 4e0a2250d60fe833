import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { runProgram } from '../processes.ts'
import { cpuSecondsOf, TIMES_FILE, type TimesRecord } from './record-times.ts'
import { reportTimes } from './report-times.ts'

const options = { skip: process.platform === 'linux' ? false : 'needs /proc' }
const recordTimes = path.resolve(import.meta.dirname, 'record-times.ts')

t.test('the time of a file includes that of the programs that it waited for', options, async t => {
  const file = path.join(t.testdir({ 'times.jsonl': '' }), 'times.jsonl')
  const burn = 'while (process.cpuUsage().user < 100_000);'
  const source = `
    const { recordTimes } = await import(${JSON.stringify(recordTimes)})
    const { execFileSync } = await import('node:child_process')
    recordTimes('test/a/one.test.ts')
    execFileSync(process.execPath, ['-e', ${JSON.stringify(burn)}])
    recordTimes('test/a/two.test.ts')
    recordTimes('test/a/three.test.ts')`
  const program = runProgram(t, ['--input-type=module', '--eval', source], { env: { [TIMES_FILE]: file } })
  t.strictSame(await program.ended, { code: 0, signal: null }, program.stderr())
  const lines = readFileSync(file, 'utf8').trim().split('\n')
  const records = lines.map(line => JSON.parse(line) as TimesRecord)
  t.strictSame(
    records.map(record => record.file),
    ['test/a/one.test.ts', 'test/a/two.test.ts', 'test/a/three.test.ts'],
  )
  const [one, two, three] = records.map(({ cpu }) => cpu)
  t.ok((one ?? 0) > 0, 'the start of the process belongs to its first file')
  t.ok((two ?? 0) >= 0.1, `${two} s`)
  t.ok((three ?? 1) < 0.1, `${three} s are only those of the last file`)
  t.ok((records[1]?.wall ?? 0) > 0)
})

t.test('a process that has ended has no time, and this one has', options, t => {
  t.equal(cpuSecondsOf(2 ** 30), 0)
  t.ok(cpuSecondsOf('self') > 0)
  t.end()
})

t.test('the report adds up the files of each folder, and what is not part of a file', t => {
  const file = path.join(t.testdir({}), 'times.jsonl')
  const records: TimesRecord[] = [
    { file: 'test/api/tus/one.test.ts', cpu: 1, wall: 10 },
    { file: 'test/api/two.test.ts', cpu: 2.5, wall: 3 },
    { file: 'test/worker/three.test.ts', cpu: 4, wall: 4 },
    { file: 'test/readme.test.ts', cpu: 0.2, wall: 0.3 },
    { file: 'test/api/two.test.ts', cpu: 0.1, wall: 0 },
  ]
  writeFileSync(file, records.map(record => `${JSON.stringify(record)}\n`).join(''))
  const rows = reportTimes(file, { cpu: 10, sharedCpu: 5, wall: 12 }).split('\n')
  t.strictSame(
    rows.slice(0, 13).map(row => row.trim()),
    [
      'CPU s    wall s  folder',
      '4.0       4.0  test/worker',
      '3.6      13.0  test/api',
      '0.2       0.3  test',
      '5.0      12.0  servers that files share',
      '2.2      12.0  tap, and what is left',
      '15.0      12.0  total',
      '',
      'CPU s    wall s  file',
      '4.0       4.0  test/worker/three.test.ts',
      '2.6       3.0  test/api/two.test.ts',
      '1.0      10.0  test/api/tus/one.test.ts',
      '0.2       0.3  test/readme.test.ts',
    ],
  )
  t.end()
})

t.test('npm test -- --times ends with the times of what ran', options, async t => {
  const run = path.resolve(import.meta.dirname, '../run-tests.ts')
  const program = runProgram(t, [run, '--times', '--reporter=tap', 'test/uploads/keys.test.ts'])
  t.strictSame(await program.ended, { code: 0, signal: null }, program.stderr())
  const [, report = ''] = program.stdout().split(/^# time=.*$/m)
  t.match(report, /^ +[\d.]+ +[\d.]+ {2}test\/uploads$/m)
  t.match(report, /^ +[\d.]+ +[\d.]+ {2}total$/m)
  t.match(report, /^ +[\d.]+ +[\d.]+ {2}test\/uploads\/keys\.test\.ts$/m)
})
