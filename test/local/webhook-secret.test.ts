import { readFileSync, statSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { localWebhookSecret } from '../../services/local/pipeline/webhook-secret.ts'
import { isWebhookSecret } from '../../services/platform/config/webhook.ts'

const WEBHOOK_URL = 'http://127.0.0.1:4000'

t.test('npm start makes a secret for WEBHOOK_URL, in a file of the user alone, and uses it again', async t => {
  const env = { WEBHOOK_URL, HEADGATE_CONFIG_DIR: `${t.testdir()}/config` }
  const first = await localWebhookSecret(env)
  t.ok(isWebhookSecret(first?.secret ?? ''))
  t.equal(readFileSync(first?.file ?? '', 'utf8'), `${first?.secret}\n`)
  t.equal(statSync(first?.file ?? '').mode & 0o777, 0o600)
  t.strictSame(await localWebhookSecret(env), first)
  writeFileSync(first?.file ?? '', 'no secret')
  t.not((await localWebhookSecret(env))?.secret, first?.secret, 'an invalid file is replaced')
})

t.test('npm start makes no secret without a webhook, or if WEBHOOK_SECRET is set', async t => {
  const HEADGATE_CONFIG_DIR = t.testdir()
  t.equal(await localWebhookSecret({ HEADGATE_CONFIG_DIR }), undefined)
  t.equal(await localWebhookSecret({ HEADGATE_CONFIG_DIR, WEBHOOK_URL, WEBHOOK_SECRET: 'whsec_' }), undefined)
})
