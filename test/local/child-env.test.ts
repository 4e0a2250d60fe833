import t from 'tap'
import { childEnv } from '../../services/local/pipeline/child-env.ts'

t.test("nothing of a person's own AWS settings reaches a child", async t => {
  const own = {
    AWS_PROFILE: 'production',
    AWS_SESSION_TOKEN: 's',
    AWS_ENDPOINT_URL: 'https://x',
    AWS_REGION: 'eu-west-1',
  }
  const env = childEnv(own, { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'local' }, {})
  const left = Object.keys(env).filter(name => name.startsWith('AWS_'))
  t.strictSame(left.sort(), ['AWS_ACCESS_KEY_ID', 'AWS_EC2_METADATA_DISABLED', 'AWS_REGION'])
  t.equal(env.AWS_REGION, 'us-east-1')
})

t.test('a worker id is not inherited: two workers must not share one', async t => {
  t.notOk('WORKER_ID' in childEnv({ WORKER_ID: 'w' }, {}, {}))
})

t.test('what a person sets wins over a default, and what the child is started with over both', async t => {
  const env = childEnv({ FAILOVER_TIME_MS: '20000', PORT: '1', PATH: '/bin' }, {}, { PORT: '3000' })
  t.match(env, { FAILOVER_TIME_MS: '20000', PORT: '3000', PATH: '/bin', SHUTDOWN_TIMEOUT_MS: '8000' })
})
