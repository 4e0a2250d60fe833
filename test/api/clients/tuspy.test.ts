import { execFile, execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { startAws } from '../../support/aws.ts'
import { ask, buildTestApi, createTestUser } from '../support.ts'
import { sha256Of, uploadIdOf } from '../tus/client.ts'

const MIB = 1024 ** 2
// Needs Python with tuspy: `pip install tuspy`
const python = process.env.HEADGATE_PYTHON ?? 'python3'
const program = path.resolve(import.meta.dirname, 'tuspy_upload.py')

function hasTuspy(): boolean {
  try {
    execFileSync(python, ['-c', 'import tusclient'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const skip = hasTuspy()
  ? false
  : `${python} has no tuspy: pip install tuspy, or name one that has it by HEADGATE_PYTHON`

t.test('tuspy uploads in chunks with checksums, and a second client resumes the upload', { skip }, async t => {
  const aws = await startAws(t)
  const api = await buildTestApi(t, aws)
  const user = await createTestUser(aws)
  const bytes = randomBytes(13 * MIB)
  const file = path.join(t.testdir(), 'file')
  writeFileSync(file, bytes)
  const env = { ...process.env, ENDPOINT: `${api.url}/uploads/tus`, AUTHORIZATION: user.auth.authorization }
  const { stdout } = await promisify(execFile)(python, [program, file], { env })
  const [offset, url = ''] = stdout.trim().split('\n')
  t.equal(offset, String(5 * MIB), 'the second client continues at the offset of the first')
  const seen = await ask(`${api.url}/uploads/${uploadIdOf(url)}`, { headers: user.auth })
  t.match(seen.body, { status: 'queued', filename: 'größe.bin', size: bytes.length, sha256: sha256Of(bytes) })
  t.match(await user.traces(), { openUploads: 0, objects: { length: 1 } })
})
