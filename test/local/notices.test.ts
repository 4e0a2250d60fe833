import t from 'tap'
import { createNotices } from '../../services/local/pipeline/notices.ts'
import { FakeClock } from '../support/fake-clock.ts'

function setUp(logs: string | undefined = '/logs') {
  const lines: string[] = []
  const clock = new FakeClock()
  const notices = createNotices({ print: line => lines.push(line), logs, now: () => clock.now() })
  const log = (fields: object, name = 'worker 1') => notices.onLine(name, JSON.stringify({ level: 'warn', ...fields }))
  const retry = (uploadId: string, attempt: number) =>
    log({
      ...{ msg: 'record failed and will be retried', err: { message: 'x' } },
      ...{ key: `uploads/${uploadId}/a.txt`, uploadId, attempt, retryInMs: 100 },
    })
  return { lines, clock, notices, log, retry }
}

t.test('an upload that keeps failing is shown at once, and then more and more rarely', async t => {
  const { lines, clock, retry } = setUp()
  const shownAt: number[] = []
  for (let second = 0; second < 3_600; second++) {
    const before = lines.length
    retry('u-1', second + 1)
    if (lines.length > before) shownAt.push(second)
    clock.advance(1_000)
  }
  t.strictSame(shownAt, [0, 60, 180, 420, 900, 1_860])
})

t.test('each upload has its own line, and a reset shows all of them again', async t => {
  const { lines, notices, retry } = setUp()
  for (const id of ['u-1', 'u-2', 'u-1', 'u-2']) retry(id, 1)
  t.equal(lines.length, 2)
  notices.reset()
  retry('u-1', 1)
  t.equal(lines.length, 3)
})

t.test('an upload counts as retried from its second failure until a reset', async t => {
  const { notices, retry } = setUp()
  retry('u-1', 1)
  t.notOk(notices.isRetried('u-1'))
  retry('u-1', 2)
  t.ok(notices.isRetried('u-1'))
  t.notOk(notices.isRetried('u-2'))
  notices.reset()
  t.notOk(notices.isRetried('u-1'))
})

t.test('many lines at a time are cut, and their number is shown', async t => {
  const { lines, notices, log } = setUp()
  for (let i = 1; i <= 1_000; i++) {
    log({ msg: 'record dead-lettered', key: `uploads/${i}/a.txt`, uploadId: `u-${i}`, code: 'X', reason: 'y' })
  }
  t.equal(lines.length, 20)
  notices.stop()
  t.equal(lines.at(-1), '980 more such lines: they are in /logs')
  t.equal(lines.length, 21)
})

t.test('what a process prints before its first log line is left to the report of its death', async t => {
  const { lines, notices, log } = setUp()
  notices.onLine('worker 1', 'The configuration is invalid.')
  t.strictSame(lines, [])
  log({ level: 'info', msg: 'worker started' })
  notices.onLine('worker 1', 'hello')
  notices.onLine('worker 2', 'hello')
  t.strictSame(lines, ['[worker 1] hello'])
})
