import path from 'node:path'
import t from 'tap'
import { type Notice, noticeOf } from '../../services/local/pipeline/log-notice.ts'

const key = 'uploads/owner-1/upload-1/report.csv'
const notice = (fields: object): Notice | undefined =>
  noticeOf('worker 1', JSON.stringify({ level: 'warn', ...fields }))
const text = (fields: object) => notice(fields)?.text

const retried = (err: object, more: object = {}) => ({
  ...{ msg: 'record failed and will be retried', err: { type: 'Error', ...err } },
  ...{ key, uploadId: 'upload-1', attempt: 1, retryInMs: 200 },
  ...more,
})

t.test('a failed upload is named with its file name, id, code and reason', async t => {
  const fields = {
    msg: 'record dead-lettered',
    key,
    uploadId: 'upload-1',
    code: 'HEADGATE_NO_TRANSFORM',
    reason: 'No rule.',
  }
  t.strictSame(notice(fields), {
    kind: 'failed',
    key: 'Upload failed: report.csv (upload-1): HEADGATE_NO_TRANSFORM: No rule.',
    text: 'Upload failed: report.csv (upload-1): HEADGATE_NO_TRANSFORM: No rule.',
    uploadId: 'upload-1',
  })
  const foreign = {
    msg: 'record dead-lettered',
    shardId: 'shard-1',
    sequenceNumber: '7',
    code: 'X',
    reason: 'not JSON',
  }
  t.equal(text(foreign), 'Upload failed: record 7 of shard-1: X: not JSON.', 'a record that names no upload')
})

t.test('a quarantined upload is named with its file name, id and the malware', async t => {
  const fields = { code: 'HEADGATE_MALWARE_FOUND', reason: 'The scan found malware in the file: Eicar.' }
  t.match(notice({ msg: 'upload quarantined', key, uploadId: 'upload-1', ...fields }), {
    kind: 'failed',
    text: 'Upload quarantined: report.csv (upload-1): HEADGATE_MALWARE_FOUND: The scan found malware in the file: Eicar.',
    uploadId: 'upload-1',
  })
})

t.test('a retried upload is named with the error and the line of the transform that threw it', async t => {
  const stack = `Error: x
    at node:internal/x:1:2
    at parse (/home/me/node_modules/csv/index.js:9:1)
    at helper (file:///home/me/my%20files/helper.ts:3:9)
    at Object.apply (file:///home/me/mine.ts:7:11)
    at async oneByOne (file://${path.resolve(import.meta.dirname, '../../services/worker/transforms/outputs.ts')}:55:79)`
  t.match(notice(retried({ message: 'x', stack })), {
    kind: 'retried',
    text: 'Upload attempt 1 failed and is retried in 0.2 s: report.csv (upload-1): x (/home/me/my files/helper.ts:3).',
    uploadId: 'upload-1',
    attempt: 1,
  })
  const type = { type: 'TypeError', message: 'y.' }
  t.match(
    text(retried(type, { retryInMs: 12_300, attempt: 4 })),
    /^Upload attempt 4 .* in 12\.3 s: .*: TypeError: y\.$/,
  )
  const bare = text(retried({ message: 'x', stack: 'Error: x\n    at async main (file:///home/me/mine.mjs:1:2)' }))
  t.match(bare, 'x (/home/me/mine.mjs:1).')
  t.match(
    text(retried({ message: 'x' }, { retryInMs: undefined })),
    'failed and will be retried: report.csv',
    'on Lambda',
  )
})

t.test('a path in the working directory is shown relative to it', async t => {
  const file = path.resolve('mine/own.ts')
  t.match(text(retried({ message: 'x', stack: `Error: x\n    at f (file://${file}:2:1)` })), 'x (mine/own.ts:2).')
})

t.test('a warning about a destination names it', async t => {
  const fields = { msg: 'notifications are held back, because their destination accepts none', destination: 'crm' }
  t.equal(
    text(fields),
    'Warning of the worker 1: Notifications are held back, because their destination accepts none. Destination crm.',
  )
})

t.test('warnings and errors are sentences that name the process', async t => {
  const fault = {
    msg: 'a call to AWS failed and will be retried',
    operation: 'ListShards',
    err: { message: 'refused' },
  }
  t.equal(text(fault), 'Warning of the worker 1: A call to AWS failed and will be retried: ListShards: refused.')
  t.equal(
    text({ level: 'error', msg: 'request failed', err: { type: 'TypeError', message: 'no x' }, uploadId: 'u' }),
    'Error of the worker 1: Request failed: TypeError: no x. Upload u.',
  )
  t.match(text({ msg: 'KEY_TEMPLATE has no {uploadId}: x' }), 'worker 1: KEY_TEMPLATE has no')
})

t.test('lines that only the log needs are not shown', async t => {
  for (const level of ['trace', 'debug', 'info']) t.equal(notice({ level, msg: 'processed' }), undefined, level)
  t.equal(notice({ level: 'error', msg: 'stopping after an uncaught error' }), undefined, 'its death is reported')
  for (const line of ['', '   ', '    at f (file:///x.ts:1:2)'])
    t.equal(noticeOf('worker 1', line), undefined, `"${line}"`)
})

t.test('what a transform prints is shown with the name of its worker', async t => {
  t.equal(noticeOf('worker 2', 'row 7 { a: 1 }')?.text, '[worker 2] row 7 { a: 1 }')
  t.equal(noticeOf('worker 2', '{ a: 1 }')?.text, '[worker 2] { a: 1 }', 'also what only looks like JSON')
})

t.test('control characters are escaped, and every line is short', async t => {
  const evil = 'a\u001b[2J\nb\u202ec\u0000\ud800'
  const hostile = [
    text(retried({ message: evil, type: evil }, { key: `uploads/${evil}`, uploadId: evil })),
    text({ msg: evil, operation: evil, err: { message: evil } }),
    text({ msg: 'record dead-lettered', key: `u/${evil}`, uploadId: evil, code: evil, reason: evil }),
    noticeOf('worker 1', evil.replace('\n', ''))?.text,
  ]
  for (const line of hostile) t.match(line, /^[^\p{Cc}\p{Cf}\p{Cs}]+$/u)
  t.match(hostile[0], 'a\\u{1b}[2J\\nb\\u{202e}c\\u{0}')
  const long = 'x'.repeat(100_000)
  const lines = [
    text(retried({ message: long, type: long, stack: long }, { key: long, uploadId: long })),
    text({ msg: long, err: { message: long } }),
    noticeOf('worker 1', long)?.text,
  ]
  for (const line of lines) t.ok((line?.length ?? Infinity) < 1_500, `${line?.length}`)
})

t.test('tokens and signatures of URLs are not shown', async t => {
  const url = 'https://s3.local/bucket/key?X-Amz-Signature=abc&X-Amz-Credential=def'
  t.equal(
    text({ msg: 'a read failed', err: { message: `GET ${url} timed out` } }),
    'Warning of the worker 1: A read failed: GET https://s3.local/bucket/key?… timed out.',
  )
  t.equal(noticeOf('worker 1', `Bearer eyJhbGci.eyJzdWIi.c2ln at ${url}`)?.text.includes('eyJ'), false)
})

t.test('log lines with unexpected values are no error', async t => {
  for (const value of [null, 1, [], {}, true]) {
    const fields = {
      key: value,
      uploadId: value,
      err: value,
      attempt: value,
      retryInMs: value,
      code: value,
      reason: value,
    }
    for (const msg of ['record dead-lettered', 'record failed and will be retried', value]) {
      t.type(text({ msg, operation: value, ...fields }), 'string')
    }
  }
  t.equal(noticeOf('worker 1', '{"level":"warn","msg":"cut')?.kind, 'printed', 'an incomplete line')
})

t.test('a pause is named with who and why, and so is its end', async t => {
  const paused = { msg: 'processing is paused', by: 'ann@host', reason: 'the table is\nmigrated.' }
  t.match(notice(paused), {
    kind: 'printed',
    text: 'The processing of worker 1 is paused by ann@host: the table is\\nmigrated. To continue, run `npm run -s headgate -- resume` with the variables above, or use the page of the workers in the console.',
  })
  const resumed = { level: 'info', msg: 'processing is resumed', by: 'ann@host' }
  t.equal(text(resumed), 'The processing of worker 1 is resumed by ann@host.')
})

t.test(
  'a notification that could not be delivered is named with its destination and the reason, once for all uploads',
  async t => {
    const fields = {
      msg: 'a notification could not be delivered',
      destination: 'crm',
      failure: 'refused',
      reason: 'The receiver answered 503.',
    }
    const first = notice({ ...fields, uploadId: 'upload-1' })
    t.equal(first?.text, 'Notification for "crm" not delivered: The receiver answered 503. Upload upload-1.')
    t.equal(notice({ ...fields, uploadId: 'upload-2' })?.key, first?.key)
    t.not(notice({ ...fields, destination: 'bus', uploadId: 'upload-2' })?.key, first?.key)
    const letter = { ...fields, msg: 'notification dead-lettered', failure: 'gone', uploadId: 'upload-1' }
    t.match(text(letter), /^Notification for "crm" given up, and is a dead letter now: The receiver/)
  },
)
