import { execFileSync } from 'node:child_process'
import path from 'node:path'
import t from 'tap'
import { findPort } from '../../services/local/ports.ts'
import { createDataFolder } from '../support/aws.ts'
import { descendants, isAlive, runProgram, until } from '../support/processes.ts'

const command = path.resolve(import.meta.dirname, '../../services/local/aws.ts')

t.test('prints its environment and becomes healthy once everything is ready, and ends on SIGTERM', async t => {
  const health = await findPort('127.0.0.1', 0)
  const args = ['--health-port', String(health), '--issuer-origin', 'http://aws:9229', '--data', createDataFolder(t)]
  const aws = runProgram(t, [command, ...args])
  await until(() => aws.stdout().includes('COGNITO_ISSUER') || aws.child.exitCode !== null)

  const script = `${aws.stdout()}\nnode -p 'JSON.stringify(process.env)'`
  const env = JSON.parse(execFileSync('sh', ['-c', script], { encoding: 'utf8' }))
  t.match(env, { STREAM_NAME: 'uploads-stream', COGNITO_ISSUER: 'http://aws:9229/us-east-1_headgate' })
  t.equal((await fetch(`http://127.0.0.1:${health}/healthz`)).status, 200)
  t.equal((await fetch(`http://127.0.0.1:${health}/other`)).status, 404)
  const keys = await fetch(`${env.AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER}/us-east-1_headgate/.well-known/jwks.json`)
  t.equal(keys.status, 200)

  const children = descendants(aws.pid)
  t.equal(children.length, 2, 'S3 and Kinesis are processes of their own')
  aws.child.kill('SIGTERM')
  t.strictSame(await aws.ended, { code: 0, signal: null })
  t.notOk(children.some(isAlive))
  t.equal(aws.stderr(), '')
})

t.test('a signal during the start ends the process', async t => {
  const aws = runProgram(t, [command])
  await until(() => descendants(aws.pid).length > 0)
  const children = descendants(aws.pid)
  aws.child.kill('SIGINT')
  t.match(await aws.ended, { code: 0 })
  t.notOk(children.some(isAlive))
})

t.test('invalid flags and a port in use are reported in one line without a stack trace, and exit with 1', async t => {
  const wrong = runProgram(t, [command, '--frob'])
  t.strictSame(await wrong.ended, { code: 1, signal: null })
  t.match(wrong.stderr(), /^Unknown option '--frob'\. See: node services\/local\/aws\.ts --help\n$/)

  const first = runProgram(t, [command])
  await until(() => first.stdout().includes('AWS_ENDPOINT_URL_S3') || first.child.exitCode !== null)
  const port = /AWS_ENDPOINT_URL_S3=http:\/\/127\.0\.0\.1:(\d+)/.exec(first.stdout())?.[1] ?? ''
  const second = runProgram(t, [command, '--s3-port', port])
  t.strictSame(await second.ended, { code: 1, signal: null })
  t.equal(
    second.stderr(),
    `Port ${port}, for S3, is in use: stop the program that listens on it, or choose another port.\n`,
  )
  const third = runProgram(t, [command, '--health-port', port])
  t.strictSame(await third.ended, { code: 1, signal: null })
  t.match(third.stderr(), new RegExp(`^Port ${port}, for the health check, is in use`))
})

t.test('--help prints the usage', async t => {
  const help = runProgram(t, [command, '--help'])
  t.strictSame(await help.ended, { code: 0, signal: null })
  for (const flag of ['--host', '--s3-port', '--data', '--issuer-origin']) t.match(help.stdout(), flag)
})
