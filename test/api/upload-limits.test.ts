import t from 'tap'
import { startAws } from '../support/aws.ts'
import { readContract } from './contract.ts'
import { ask, buildTestApi, createTestUser, isProblem } from './support.ts'

const aws = await startAws(t)
const user = await createTestUser(aws)
const METHODS = ['json', 'form', 'raw', 'grant', 'tus']

t.test('the limits are those of the configuration', async t => {
  const api = await buildTestApi(t, aws, {
    env: {
      MAX_UPLOAD_BYTES: '1000000',
      MAX_JSON_BYTES: '2000',
      MAX_FORM_FILES: '3',
      ALLOWED_TYPES: 'image/*, text/plain',
      PENDING_UPLOAD_HOURS: '5',
    },
  })
  const contract = await readContract(api)
  const limits = await contract.ask(t, 'get /uploads/limits', '/uploads/limits', { headers: user.auth })
  t.equal(limits.status, 200)
  t.strictSame(limits.body, {
    maxFileBytes: 1_000_000,
    maxJsonBytes: 2_000,
    maxFormFiles: 3,
    methods: METHODS,
    allowedTypes: ['image/*', 'text/plain'],
    pendingHours: 5,
  })
  t.equal(limits.headers.get('cache-control'), 'no-store')
})

t.test('the limits name the maximum size of a body if there is a gateway', async t => {
  const behind = async (overrides: Parameters<typeof buildTestApi>[2]) => {
    const { url } = await buildTestApi(t, aws, overrides)
    return (await ask(`${url}/uploads/limits`, { headers: user.auth })).body
  }
  t.match(await behind({ isBuffered: true }), { maxBodyBytes: 4_500_000, maxJsonBytes: 1_048_576 }, 'on Lambda')
  t.match(await behind({ env: { GATEWAY_MAX_BODY_BYTES: '10000000' } }), { maxBodyBytes: 10_000_000 }, 'in a container')
  t.match(
    await behind({ isBuffered: true, env: { GATEWAY_MAX_BODY_BYTES: '100000' } }),
    { maxBodyBytes: 100_000, maxJsonBytes: 100_000 },
    'another gateway in front of Lambda',
  )
})

t.test('a request for the limits needs a token', async t => {
  const api = await buildTestApi(t, aws)
  isProblem(t, await ask(`${api.url}/uploads/limits`), 401, 'missing-token')
})
