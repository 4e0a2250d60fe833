import { chmodSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { HeadBucketCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import { createAwsClients } from '../../../services/platform/aws.ts'
import { names } from '../../../services/platform/resources.ts'
import { isAlive, runProgram, until } from '../../support/processes.ts'
import { callJson, callQuery, REGION, SecondAwsError } from './call.ts'
import { notInstalled, type ServerName } from './installed.ts'
import { startProxies } from './proxies.ts'
import { createAccount } from './resources.ts'
import { startMinistack, startSecondAws } from './servers.ts'
import { claimsOf, createUser } from './users.ts'

for (const name of ['ministack', 'moto'] as const satisfies readonly ServerName[]) {
  t.test(`${name} starts with the resources and a user of Headgate`, { skip: notInstalled(name) }, async t => {
    const server = await startSecondAws(t, name)
    t.comment(server.versions)
    const account = await createAccount(t, server)
    await t.resolves(account.clients.s3.send(new HeadBucketCommand({ Bucket: names.uploadBucket })))
    const user = await createUser(server, account, 'ann@example.com')
    t.match(claimsOf(user.accessToken), {
      iss: `https://cognito-idp.${REGION}.amazonaws.com/${account.userPoolId}`,
      client_id: account.clientId,
      sub: user.owner,
      token_use: 'access',
    })
    const none = callJson(server, 'cognito', 'DescribeUserPool', { UserPoolId: 'us-east-1_none' })
    await t.rejects(
      none,
      new SecondAwsError('cognito-idp:DescribeUserPool', { status: 400, type: 'ResourceNotFoundException', text: '' }),
    )
    t.match(await callQuery(server, 'sts', 'GetCallerIdentity', {}), /<Account>\d{12}<\/Account>/)
  })
}

t.test('keys are fetched from the server instead of AWS', { skip: notInstalled('ministack') }, async t => {
  const server = await startSecondAws(t, 'ministack')
  const account = await createAccount(t, server)
  const { accessToken } = await createUser(server, account, 'ann@example.com')
  const proxies = await startProxies(t, server)
  const [header = ''] = accessToken.split('.')
  const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string }
  const issuer = String(claimsOf(accessToken).iss)
  const module = JSON.stringify(path.resolve(import.meta.dirname, '../../../services/api/auth/key-source.ts'))
  const program = `
    const { createKeySource } = await import(${module})
    console.log(await createKeySource({ issuer: ${JSON.stringify(issuer)} }).find(${JSON.stringify(kid)}))`
  const asked = runProgram(t, ['--input-type=module', '-e', program], { env: proxies.env })
  t.same(await asked.ended, { code: 0, signal: null }, asked.stderr())
  t.match(asked.stdout(), /^-----BEGIN PUBLIC KEY-----/)
  t.equal(
    proxies.cognito.count(({ path }) => path.endsWith('/.well-known/jwks.json')),
    1,
  )
})

t.test(
  'with IAM enforced a user may do what its policy allows, by its own key',
  { skip: notInstalled('ministack') },
  async t => {
    const server = await startMinistack(t, { auth: true })
    const account = await createAccount(t, server)
    await t.resolves(createUser(server, account, 'ann@example.com'))
    const named = { UserName: 'operator' }
    await callQuery(server, 'iam', 'CreateUser', named)
    const made = await callQuery(server, 'iam', 'CreateAccessKey', named)
    const [, accessKeyId = ''] = /<AccessKeyId>([^<]+)/.exec(made) ?? []
    const [, secretAccessKey = ''] = /<SecretAccessKey>([^<]+)/.exec(made) ?? []

    const proxies = await startProxies(t, server)
    const endpoints = { s3: proxies.s3.url, dynamodb: proxies.dynamodb.url, kinesis: proxies.kinesis.url }
    async function head(secret: string): Promise<number | undefined> {
      const credentials = { accessKeyId, secretAccessKey: secret }
      const clients = createAwsClients({ region: REGION, endpoints, credentials })
      t.teardown(() => clients.destroy())
      return clients.s3.send(new HeadBucketCommand({ Bucket: names.uploadBucket })).then(
        () => 200,
        error => error.$metadata?.httpStatusCode,
      )
    }
    t.equal(await head(secretAccessKey), 403, 'without a policy')
    const Statement = { Effect: 'Allow', Action: 's3:ListBucket', Resource: `arn:aws:s3:::${names.uploadBucket}` }
    const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement })
    await callQuery(server, 'iam', 'PutUserPolicy', { ...named, PolicyName: 'own', PolicyDocument })
    t.equal(await head(secretAccessKey), 200, 'the signature is right behind a proxy')
    t.equal(await head('wrong'), 403, 'with a wrong secret')
    const refused = { service: 's3', method: 'HEAD', status: 403 }
    t.match(proxies.refusals(), [refused, refused])
  },
)

t.test(
  'a fleet and its server end with the test that started them, kill -9 included',
  { skip: notInstalled('moto') },
  async t => {
    const [servers, fleet] = ['servers.ts', 'fleet.ts'].map(name =>
      JSON.stringify(path.join(import.meta.dirname, name)),
    )
    const program = `
    const [{ startMoto }, { startFleet }] = [await import(${servers}), await import(${fleet})]
    const t = { teardown() {} }
    const server = await startMoto(t)
    const { api, workers } = await startFleet(t, server, { workers: 1 })
    console.log('pids', server.pid, api.program.pid, workers[0].pid, '.')`
    const starter = runProgram(t, ['--input-type=module', '-e', program], { env: {} })
    const pids = () => /^pids (\d+) (\d+) (\d+) \.$/m.exec(starter.stdout())?.slice(1).map(Number) ?? []
    await until(() => pids().length > 0, { what: `the fleet: ${starter.stderr()}`, timeoutMs: 180_000 })
    t.strictSame(
      pids().map(pid => isAlive(pid)),
      [true, true, true],
    )
    starter.child.kill('SIGKILL')
    await starter.ended
    await until(() => !pids().some(pid => isAlive(pid)), { what: 'the end of the fleet', timeoutMs: 30_000 })
  },
)

t.test('the skip of a test says what to install', async t => {
  const folder = t.testdir()
  const ask = async (PATH: string) => {
    const module = JSON.stringify(path.join(import.meta.dirname, 'installed.ts'))
    const program = `const { notInstalled } = await import(${module}); console.log(notInstalled('ministack'))`
    const asked = runProgram(t, ['--input-type=module', '-e', program], { env: { PATH } })
    t.same(await asked.ended, { code: 0, signal: null }, asked.stderr())
    return asked.stdout().trim()
  }
  t.equal(await ask(folder), 'ministack is not installed: pip install ministack cbor2 cryptography boto3')
  const python = path.join(folder, 'python')
  writeFileSync(python, `#!/bin/sh\necho '{"missing":["cbor2","boto3"],"versions":"ministack 0"}'`)
  writeFileSync(path.join(folder, 'ministack'), `#!${python}\n`)
  for (const name of ['python', 'ministack']) chmodSync(path.join(folder, name), 0o755)
  t.equal(await ask(folder), `ministack has no cbor2 and no boto3: ${python} -m pip install cbor2 boto3`)
  writeFileSync(path.join(folder, 'ministack'), '#!/bin/sh\nexec something-else')
  t.match(await ask(folder), /^\S+python3, the Python interpreter of \S+ministack, does not run: pip install ministack/)
})
