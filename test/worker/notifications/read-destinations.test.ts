import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { loadConfig } from '../../../services/platform/config/load.ts'
import { processorConfigSchema } from '../../../services/platform/config/worker.ts'
import { ConfigurationError } from '../../../services/platform/errors.ts'
import { createWants } from '../../../services/worker/notifications/conditions.ts'
import type { NotificationSubject } from '../../../services/worker/notifications/destination.ts'
import { readDestinations } from '../../../services/worker/notifications/read-destinations.ts'
import { NEXT_SECRET, SECRET } from './receiver.ts'

const hook = { name: 'crm', webhook: 'https://crm.example/hooks?token=in-the-url', secrets: [SECRET] }

/** Returns the problems of a configuration, which never show what may be secret. */
function problemsOf(t: Test, value: unknown, env: NodeJS.ProcessEnv = {}): string[] {
  try {
    readDestinations(typeof value === 'string' ? value : JSON.stringify(value), env)
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    t.notMatch(error.message, /whsec_[A-Za-z0-9]|in-the-url|in-the-value/, 'nothing secret')
    return error.faults.map(({ problem }) => problem)
  }
  return []
}

t.test('reads destinations from JSON or from a file, and none from an empty value', async t => {
  const bus = { name: 'bus', eventBus: 'default', events: ['upload.failed'] }
  t.strictSame(readDestinations(JSON.stringify([hook, bus]), {}), [hook, bus])
  const dir = t.testdir({})
  writeFileSync(path.join(dir, 'notify.json'), JSON.stringify([bus]))
  t.strictSame(readDestinations('notify.json', {}, dir), [bus])
  t.strictSame(readDestinations(undefined, {}), [])
  t.strictSame(readDestinations('  ', {}), [])
})

t.test('names the destination, the property and the nearest valid one in every fault', async t => {
  const faults = problemsOf(t, [
    { ...hook, evnts: ['upload.processed'] },
    { ...hook, name: 'two', events: ['upload.proccessed'] },
    { ...hook, name: 'three', webhook: 'ftp://crm.example/in-the-url' },
    { ...hook, name: 'four', webhook: 'https://user:in-the-url@crm.example/' },
    { ...hook, name: 'five', eventBus: 'default' },
    { name: 'six' },
    { name: 'seven', webhook: 'https://crm.example' },
    { name: 'eight', eventBus: 'default', secrets: [SECRET] },
    { ...hook, name: '-nine' },
    { ...hook, types: ['image'] },
    'in-the-value',
    { webhook: 'https://crm.example', secrets: SECRET },
    { ...hook, name: 'ten', whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw: 1 },
  ])
  t.strictSame(faults, [
    'destination "crm": "evnts" is not a property. Did you mean "events"?',
    'destination "two": "events" must be a list of "upload.processed", "upload.failed", and "upload.quarantined". Did you mean "upload.processed"?',
    'destination "three": "webhook" must be a URL such as "https://example.com/hooks"',
    'destination "four": "webhook" must have no user and no password. Receivers check the signature instead',
    'destination "five": must have either a "webhook" or an "eventBus"',
    'destination "six": must have either a "webhook" or an "eventBus"',
    'destination "seven": "secrets" is required: receivers check the signature with it',
    'destination "eight": "secrets" needs a "webhook": events on an event bus are not signed',
    'destination 9: "name" must be 1 to 64 letters, digits, ".", "_" and "-", and begin with a letter or digit',
    'destination "crm": "types" must be a list of media types such as "text/csv" or "image/*"',
    'destination "crm": another destination has the same name',
    'destination 11: must be an object such as { "name": "crm", "webhook": "https://…", "secrets": ["…"] }',
    'destination 12: "name" is required',
    'destination 12: "secrets" must be a list of 1 to 10 secrets',
    'destination "ten": a name is not a property. The properties are name, webhook, secrets, eventBus, events, owners, types, transforms.',
  ])
  t.match(problemsOf(t, { rules: [] }), [/must be a list of destinations/])
  t.match(
    problemsOf(
      t,
      Array.from({ length: 21 }, () => hook),
    ),
    ['must have at most 20 destinations, not 21'],
  )
  t.match(problemsOf(t, [{ name: 'webhook', eventBus: 'default' }], { WEBHOOK_URL: 'https://crm.example' }), [
    /WEBHOOK_URL is the destination of this name/,
  ])
})

t.test('never shows a value that is not JSON, because it may contain a secret', async t => {
  t.strictSame(problemsOf(t, `[{"name": "crm", "secrets": ["${SECRET}" "in-the-value"]}]`), [
    'its value is not JSON at line 1 column 71',
  ])
  t.match(problemsOf(t, `[${SECRET}]`), [/^its value is not JSON/])
  t.strictSame(problemsOf(t, SECRET), ['is neither JSON that begins with "[" nor a file that can be read'])
  t.match(problemsOf(t, 'missing.json'), [/a file that can be read: \/.*missing\.json \(ENOENT\)$/])
})

t.test('accepts secrets as values, as names of environment variables and as ARNs', async t => {
  const arn = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:crm-AbCdEf'
  const env = { CRM_SECRET: `${SECRET} ${NEXT_SECRET}`, BAD_SECRET: 'in-the-value' }
  t.strictSame(problemsOf(t, [{ ...hook, secrets: [SECRET, '$CRM_SECRET', arn] }], env), [])
  const wrong = [SECRET.slice(0, -1), 'whsec_', '$UNSET_SECRET', '$BAD_SECRET', 'CRM_SECRET', `${SECRET} ${SECRET}`]
  t.match(problemsOf(t, [{ ...hook, secrets: wrong }], env), [
    /"secrets", entry 1: must be "whsec_" and 24 to 64 bytes in base64, or the name of an environment variable/,
    /"secrets", entry 2: must be "whsec_"/,
    'destination "crm": "secrets", entry 3: the environment variable UNSET_SECRET is not set',
    /"secrets", entry 4: the environment variable BAD_SECRET must be "whsec_"/,
    /"secrets", entry 5: .* Did you mean "\$CRM_SECRET"\?$/,
    /"secrets", entry 6: must be "whsec_"/,
  ])
})

t.test('checks WEBHOOK_URL, WEBHOOK_SECRET and the allowed addresses without showing secrets', async t => {
  const base = { AWS_REGION: 'us-east-1', UPLOAD_BUCKET: 'uploads', PROCESSED_BUCKET: 'processed' }
  const load = (env: Record<string, string>) => loadConfig(processorConfigSchema, { ...base, ...env })
  const WEBHOOK_URL = 'https://crm.example/?token=in-the-url'
  t.match(
    load({ WEBHOOK_URL, WEBHOOK_SECRET: `${SECRET} ${NEXT_SECRET}`, NOTIFICATIONS_ALLOW_ADDRESSES: '10.0.0.0/8,::1' }),
    {
      WEBHOOK_URL,
    },
  )
  const wrong = {
    WEBHOOK_URL: 'https://user:in-the-value@crm.example',
    WEBHOOK_SECRET: `${SECRET} in-the-value`,
    NOTIFICATIONS_ALLOW_ADDRESSES: 'localhost',
  }
  t.throws(() => load(wrong), {
    message: /^(?!.*(?:in-the-value|whsec_[A-Z]))/s,
    faults: [
      { variable: 'WEBHOOK_URL', problem: /must have no user and no password/ },
      { variable: 'WEBHOOK_SECRET', problem: /separated by spaces, .*: entry 2 is not$/ },
      { variable: 'NOTIFICATIONS_ALLOW_ADDRESSES', problem: /must be addresses or CIDR ranges/ },
    ],
  })
})

t.test('a destination gets the notifications that meet all its conditions', async t => {
  const subject: NotificationSubject = {
    type: 'upload.processed',
    owner: 'Team-7',
    mediaType: 'image/png',
    transform: 'image',
  }
  const wants = (conditions: Parameters<typeof createWants>[0], changed: Partial<NotificationSubject> = {}) =>
    createWants(conditions)({ ...subject, ...changed })
  t.equal(wants({}), true)
  t.equal(wants({}, { transform: undefined }), true)
  t.equal(wants({ events: ['upload.processed'], owners: ['Team-*'], types: ['image/*'], transforms: ['image'] }), true)
  t.equal(wants({ events: ['upload.failed'] }), false)
  t.equal(wants({ owners: ['Team-8', 'Team-?'] }), true)
  t.equal(wants({ owners: ['team-*'] }), false, 'owners differ by case')
  t.equal(wants({ types: ['text/*', 'IMAGE/*'] }), true)
  t.equal(wants({ types: ['text/*'] }), false)
  t.equal(wants({ owners: ['Team-7'], types: ['text/*'] }), false)
  t.equal(wants({ transforms: ['*'] }, { transform: undefined }), false, 'no transform was chosen')
})
