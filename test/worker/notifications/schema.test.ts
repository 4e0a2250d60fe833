import { execFile, execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { Ajv2020 } from 'ajv/dist/2020.js'
import t from 'tap'
import { notificationOf } from '../../../services/uploads/notifications/message.ts'
import { createWebhook } from '../../../services/worker/notifications/webhook.ts'
import { uploadRecord } from '../pipeline.ts'
import { NEXT_SECRET, notification, SECRET, startReceiver } from './receiver.ts'
import { strictSchema } from './schema.ts'

const read = (name: string) => readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8')
const blocksOf = (markdown: string, language: string) =>
  [...markdown.matchAll(new RegExp(`^( *)\`\`\`${language}\\n([\\s\\S]*?)^ *\`\`\``, 'gm'))].map(
    ([, indent = '', code = '']) => code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  )

const published: object = JSON.parse(read('reference/notification-v1.schema.json'))
const valid = new Ajv2020().compile(published)

t.test('the published JSON Schema matches the notifications of the reference and of the types', async t => {
  const examples = blocksOf(read('reference/notifications.md'), 'json').map(code => JSON.parse(code))
  const messages = examples.filter(example => 'id' in example)
  t.equal(messages.length, 3)
  for (const message of [...messages, notification]) {
    t.ok(valid(message), JSON.stringify(valid.errors))
    t.strictSame(strictSchema(published)(message), [])
  }
})

t.test('the published JSON Schema refuses what a receiver must not have to expect', async t => {
  const { data } = notification
  const { outputs: _outputs, ...withoutOutputs } = data
  const wrong = [
    { ...notification, id: 'x' },
    { ...notification, type: 'upload.queued' },
    { ...notification, type: 'upload.failed' },
    { ...notification, timestamp: 'now' },
    { ...notification, data: { ...data, version: '2' } },
    { ...notification, data: withoutOutputs },
    { ...notification, data: { ...data, failure: { code: 'X', reason: 'x' } } },
    { ...notification, data: { ...data, outputs: [{ name: 'main', contentType: 'x', size: 1, key: 'x' }] } },
  ]
  t.strictSame(
    wrong.filter(message => valid(message)),
    [],
  )
  t.ok(valid({ ...notification, data: { ...data, later: 1 } }), 'new properties can appear at any time')
  t.not(strictSchema(published)({ ...notification, data: { ...data, later: 1 } }).length, 0)
})

t.test(
  'the published JSON Schema matches what is sent for records of every kind, with no further property',
  async t => {
    const record = uploadRecord({ status: 'processed', detectedType: 'text/plain' })
    const transform = { name: 'upper-case', version: '1' }
    const outputs = [
      { name: 'main', contentType: 'text/plain', size: 5 },
      {
        name: 'small',
        contentType: 'text/plain',
        size: 1,
        isItem: true as const,
        note: 'a note',
        filename: 'small.txt',
      },
    ]
    const processed = { ...record, processed: { bucket: 'processed', key: 'processed/x' }, outputs, transform }
    const failure = { code: 'HEADGATE_OVERDUE', reason: 'It took too long.' }
    const at = Date.parse('2026-11-30T12:00:00Z')
    const messages = [
      notificationOf(processed, { id: 'msg_1', type: 'upload.processed', at }),
      // The upload was redriven with success since, but this notification tells of its failure.
      notificationOf(processed, { id: 'msg_2', type: 'upload.failed', at, failure }),
      notificationOf(record, { id: 'msg_3', type: 'upload.failed', at, failure }),
      notificationOf(
        {
          ...record,
          scan: { scanner: 'clamd', verdict: 'infected', signature: 'Eicar', at: record.uploadedAt, etag: 'x' },
        },
        { id: 'msg_4', type: 'upload.quarantined', at, failure },
      ),
    ]
    for (const message of messages) {
      const sent: unknown = JSON.parse(JSON.stringify(message))
      t.strictSame(strictSchema(published)(sent), [], JSON.stringify(sent))
    }
  },
)

const hasPython = (() => {
  try {
    execFileSync('python3', ['--version'], { stdio: 'pipe' })
    return true
  } catch {
    return false
  }
})()

t.test(
  'the Python of the guide verifies a real request, and no other',
  { skip: !hasPython && 'no python3' },
  async t => {
    const receiver = await startReceiver(t)
    const secrets = async () => [NEXT_SECRET, SECRET]
    const hook = { name: 'crm', url: receiver.url, secrets, wants: () => true, allowAddresses: '127.0.0.1' }
    const destination = await createWebhook(hook)
    t.teardown(() => destination.close())
    await destination.send(notification, new AbortController().signal)
    const [code = ''] = blocksOf(read('how-to/notifications.md'), 'python')
    const { headers = {}, body = '' } = receiver.received[0] ?? {}
    const script = `${code}
import json, sys
secrets, headers, body = json.loads(sys.argv[1])
late = {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) - 301)}
other = "whsec_" + base64.b64encode(b"c" * 24).decode()
print([verify(secrets, headers, body.encode()), verify(secrets, headers, body.encode() + b" "),
       verify([other], headers, body.encode()), verify(secrets, late, body.encode())])`
    for (const secret of [SECRET, NEXT_SECRET]) {
      const { stdout } = await promisify(execFile)('python3', ['-c', script, JSON.stringify([[secret], headers, body])])
      t.equal(stdout.trim(), '[True, False, False, False]')
    }
  },
)
