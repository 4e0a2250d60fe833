import { execFile, execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { startAws } from '../../support/aws.ts'
import { complete, grant, partsOf, type Request } from '../grants/support.ts'
import { buildTestApi, createTestUser, readObject } from '../support.ts'

const MIB = 1024 ** 2

function has(command: string): boolean {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const run = promisify(execFile)

/** Sends a file with curl as a presigned request says. Resolves to the status that curl prints. */
async function put({ url, headers }: Request, file: string): Promise<string> {
  const named = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const args = ['-sS', '-o', '/dev/null', '-w', '%{http_code}', ...named, '-T', file, url]
  return (await run('curl', args)).stdout
}

const noCurl = has('curl') ? false : 'there is no curl'
const noCli = has('aws') ? noCurl : 'there is no AWS CLI'

const aws = await startAws(t)
const api = await buildTestApi(t, aws, { env: { GRANT_PARTS_ABOVE_BYTES: String(8 * MIB) } })

t.test(
  'curl sends a granted file in one PUT and in parts, and a file with another size is rejected',
  { skip: noCurl },
  async t => {
    const user = await createTestUser(aws)
    for (const size of [100, 9 * MIB]) {
      const bytes = randomBytes(size)
      const granted = await grant(api, user, { size })
      const pieces = granted.put ? [bytes] : partsOf(granted, bytes)
      for (const [n, request] of [granted.put ?? granted.parts ?? []].flat().entries()) {
        const file = path.join(t.testdir(), 'piece')
        writeFileSync(file, pieces[n] ?? '')
        t.equal(await put(request, file), '200')
      }
      t.match(await complete(api, user, granted.uploadId), { status: 200, body: { size } })
      t.ok((await readObject(aws, granted.s3.key)).bytes.equals(bytes))
    }
  },
)

t.test('the AWS CLI reads a granted object with its metadata', { skip: noCli }, async t => {
  const user = await createTestUser(aws)
  const bytes = randomBytes(1_000)
  const granted = await grant(api, user, { size: bytes.length, filename: 'größe.bin' })
  const [sent, got] = ['sent', 'got'].map(name => path.join(t.testdir(), name)) as [string, string]
  writeFileSync(sent, bytes)
  if (granted.put) await put(granted.put, sent)
  await complete(api, user, granted.uploadId)
  const { bucket, key } = granted.s3
  const where = ['--bucket', bucket, '--key', key, '--endpoint-url', aws.endpoints.s3]
  const { stdout } = await run('aws', ['s3api', 'get-object', ...where, got], { env: { ...process.env, ...aws.env } })
  t.match(JSON.parse(stdout), {
    ContentLength: bytes.length,
    Metadata: { owner: user.sub, 'upload-id': granted.uploadId },
  })
})
