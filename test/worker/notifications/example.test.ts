import { readFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { createWebhook } from '../../../services/worker/notifications/webhook.ts'
import { runProgram, until } from '../../support/processes.ts'
import { NEXT_SECRET, notification, SECRET } from './receiver.ts'

const file = path.resolve(import.meta.dirname, '../../../examples/webhook/receive.js')
const going = new AbortController().signal

/** Starts the receiver of examples/webhook. */
async function startExample(t: Test) {
  const program = runProgram(t, [file, '0'], { env: { WEBHOOK_SECRET: SECRET } })
  await until(() => program.stdout().includes('listening on'), { timeoutMs: 20_000, what: 'the receiver' })
  return { program, url: /http:\S+/.exec(program.stdout())?.[0] ?? '' }
}

async function sender(t: Test, url: string, secret: string) {
  const secrets = async () => [secret]
  const destination = await createWebhook({ name: 'crm', url, secrets, wants: () => true, allowAddresses: '127.0.0.1' })
  t.teardown(() => destination.close())
  return destination
}

t.test('the receiver of examples/webhook prints each notification once, and rejects other senders', async t => {
  const { program, url } = await startExample(t)
  const destination = await sender(t, url, SECRET)
  await destination.send(notification, going)
  await destination.send(notification, going)
  const failure = { code: 'STORAGE', reason: 'The bucket is gone.' }
  const { outputs: _outputs, transform: _transform, ...data } = notification.data
  const failed = {
    ...notification,
    id: 'msg_2',
    type: 'upload.failed' as const,
    data: { ...data, status: 'failed' as const, failure },
  }
  await destination.send(failed, going)
  await t.rejects((await sender(t, url, NEXT_SECRET)).send(notification, going), { message: /answered 401/ })
  await until(() => program.stderr() !== '', { timeoutMs: 5_000, what: 'the rejection' })
  t.equal(
    program.stdout().split('\n').slice(1).join('\n'),
    ['upload.processed grüße.txt processed/x', 'upload.failed grüße.txt The bucket is gone.', ''].join('\n'),
  )
  t.match(program.stderr(), 'rejected: No matching signature found')
})

t.test('the receiver of examples/webhook ends with an error without a secret', async t => {
  const program = runProgram(t, [file, '0'])
  t.match(await program.ended, { code: 1 })
  t.match(program.stderr(), "Secret can't be empty.")
  t.ok(readFileSync(file, 'utf8').split('\n').length < 30, 'it is short')
})
