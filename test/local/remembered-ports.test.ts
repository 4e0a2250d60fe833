import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import path from 'node:path'
import t from 'tap'
import { startEmbeddedAws } from '../../services/local/embedded-aws.ts'
import { readPorts, rememberPorts } from '../../services/local/remembered-ports.ts'
import { createDataFolder, startOwnAws } from '../support/aws.ts'

const ports = { s3: 1, dynamodb: 2, kinesis: 3, cognito: 4 }

t.test('remembered ports are read back, and a new directory has none', async t => {
  const folder = t.testdir()
  t.strictSame(readPorts(folder), {})
  rememberPorts(folder, ports)
  rememberPorts(folder, { ...ports, s3: 5 })
  t.strictSame(readPorts(folder), { ...ports, s3: 5 })
})

t.test(
  'a data directory whose ports are something else is an error that says what to do, and is let go of',
  async t => {
    const dataDir = createDataFolder(t)
    for (const text of ['', '{', 'null', '{"s3":1}', JSON.stringify({ ...ports, s3: 70_000 })]) {
      writeFileSync(path.join(dataDir, 'ports.json'), text)
      await t.rejects(startEmbeddedAws({ dataDir }), {
        code: 'HEADGATE_EMBEDDED_AWS',
        message: /cannot be used: its ports\.json holds no ports\. Delete that file to let new ports be chosen\.$/,
      })
    }
  },
)

t.test('with a data directory, a restart keeps every port, and so the issuer of tokens', async t => {
  const dataDir = createDataFolder(t)
  const first = await startEmbeddedAws({ dataDir })
  await first.stop()
  const notices: string[] = []
  const second = await startOwnAws(t, { dataDir, onNotice: notice => notices.push(notice) })
  t.strictSame(second.endpoints, first.endpoints)
  t.equal(second.env.COGNITO_ISSUER, first.env.COGNITO_ISSUER)
  t.strictSame(notices, [])
})

t.test(
  'reports a remembered port that is in use, with the consequence for tokens, and remembers the new port',
  async t => {
    const dataDir = createDataFolder(t)
    const first = await startEmbeddedAws({ dataDir })
    await first.stop()
    const portOf = (url: string) => Number(new URL(url).port)
    const [s3, cognito] = [portOf(first.endpoints.s3), portOf(first.endpoints.cognito)]
    for (const port of [s3, cognito]) {
      const server = createServer().listen(port, '127.0.0.1')
      await new Promise(resolve => server.once('listening', resolve))
      t.teardown(() => server.close())
    }

    const notices: string[] = []
    const second = await startEmbeddedAws({ dataDir, onNotice: notice => notices.push(notice) })
    const now = readPorts(dataDir)
    await second.stop()
    t.strictSame(
      notices.sort(),
      [
        `Port ${cognito}, which Cognito had before, is in use: Cognito now has port ${now.cognito}. Tokens that were issued before are now rejected: sign in again.`,
        `Port ${s3}, which S3 had before, is in use: S3 now has port ${now.s3}.`,
      ].sort(),
    )
    t.equal(second.endpoints.dynamodb, first.endpoints.dynamodb)
    t.equal(portOf(second.endpoints.s3), now.s3)

    const asked = { ports: { s3: cognito }, dataDir }
    await t.rejects(
      startEmbeddedAws(asked),
      { name: 'PortTakenError', port: cognito },
      'a port that is asked for is meant',
    )
  },
)
