import path from 'node:path'
import sharp from 'sharp'
import t, { type Test } from 'tap'
import { buildTestApi, createTestUser } from '../api/support.ts'
import { startAws } from '../support/aws.ts'
import { runProgram } from '../support/processes.ts'
import { cases } from './cases/index.ts'
import { type FieldCase, type FieldFile, isRefused } from './field-case.ts'
import { type FieldClient, findUpload, readOutput, readStored, sendCase } from './send-case.ts'

/** The number of concurrent cases. */
const CONNECTIONS = 8

const worker = path.resolve(import.meta.dirname, '../../services/worker/worker.ts')

t.test('no two cases have the same name', async t => {
  const names = cases.map(({ what }) => what)
  t.strictSame(
    names.filter((name, index) => names.indexOf(name) !== index),
    [],
  )
})

t.test('every case has the expected result', { timeout: 420_000 }, async t => {
  const aws = await startAws(t)
  const { url } = await buildTestApi(t, aws, { env: { LOG_LEVEL: 'error', TUS: 'true' } })
  const user = await createTestUser(aws)
  const program = runProgram(t, [worker], { env: { ...aws.env, LOG_LEVEL: 'error' } })
  const client: FieldClient = { url, authorization: user.auth.authorization, s3: aws.s3 }

  const waiting = [...cases]
  async function connection(): Promise<void> {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const current = next
      await t.test(current.what, t => check(t, client, current))
    }
  }
  t.jobs = CONNECTIONS
  await Promise.all(Array.from({ length: CONNECTIONS }, connection))

  program.child.kill('SIGTERM')
  t.strictSame(await program.ended, { code: 0, signal: null }, 'the worker has survived all of them')
})

async function check(t: Test, client: FieldClient, { send, expected }: FieldCase): Promise<void> {
  const answer = await sendCase(client, send)
  if (isRefused(expected)) {
    t.match(answer, { status: expected.status, problem: expected.problem })
    if (expected.detail) t.match(answer.detail, expected.detail)
    return
  }
  const files = Array.isArray(expected) ? (expected as readonly FieldFile[]) : [expected as FieldFile]
  if (!t.equal(answer.uploadIds.length, files.length, `files accepted: ${answer.status} ${answer.detail}`)) return
  for (const [index, file] of files.entries()) await checkFile(t, client, answer.uploadIds[index] ?? '', file)
}

async function checkFile(t: Test, client: FieldClient, uploadId: string, file: FieldFile): Promise<void> {
  const upload = await findUpload(client, uploadId)
  const reason = upload.failure?.reason
  if (file.failed) {
    t.equal(upload.status, 'failed')
    t.match(reason, file.failed)
  } else if (!t.equal(upload.status, 'processed', reason ?? upload.status)) return
  if (file.upload) t.match(upload, file.upload)
  if (file.transform !== undefined) t.equal(upload.transform?.name, file.transform)
  if (file.stored !== undefined) {
    const stored = await readStored(client, upload)
    t.ok(stored.equals(Buffer.from(file.stored)), `stored: ${JSON.stringify(stored.toString('latin1').slice(0, 200))}`)
  }
  if (file.further) {
    const names = (upload.outputs ?? []).map(({ name }) => name).filter(name => name !== 'main')
    t.strictSame(names, file.further)
  }
  for (const [name, pattern] of Object.entries(file.outputs ?? {})) {
    t.match(JSON.parse((await readOutput(client, uploadId, `outputs/${name}`)).toString()), pattern, name)
  }
  if (file.text === undefined && !file.rows && !file.image) return
  const output = await readOutput(client, uploadId)
  if (file.text !== undefined) t.equal(output.toString(), file.text)
  if (file.rows) t.strictSame(output.toString().split('\n').filter(Boolean).map(parseRow), file.rows)
  if (file.image) {
    const { width, height } = await sharp(output).metadata()
    t.strictSame([width, height], file.image)
  }
}

const parseRow = (line: string): unknown => JSON.parse(line)
