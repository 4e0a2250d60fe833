import path from 'node:path'
import t from 'tap'
import { runProgram } from '../support/processes.ts'

const root = path.resolve(import.meta.dirname, '../..')
const bare = {
  AWS_REGION: '',
  UPLOAD_BUCKET: '',
  PROCESSED_BUCKET: '',
  COGNITO_USER_POOL_ID: '',
  COGNITO_CLIENT_ID: '',
}

const programs: Record<string, string[]> = {
  'services/worker/worker.ts': ['AWS_REGION', 'UPLOAD_BUCKET', 'PROCESSED_BUCKET'],
  'services/api/server.ts': ['AWS_REGION', 'UPLOAD_BUCKET', 'COGNITO_USER_POOL_ID', 'COGNITO_CLIENT_ID'],
}

for (const [file, required] of Object.entries(programs)) {
  t.test(`${file} without its environment names every missing variable on stderr, and exits with 1`, async t => {
    const program = runProgram(t, [path.join(root, file)], { env: bare })
    t.strictSame(await program.ended, { code: 1, signal: null })
    t.equal(program.stdout(), '', 'nothing on stdout')
    for (const variable of required) t.match(program.stderr(), `  ${variable}: is required\n`)
    t.equal(program.stderr().trim().split('\n').length, 1 + required.length, 'and no stack: it is for a person')
  })
}

t.test('writes the stack of any other error, and exits with 1', async t => {
  const main = path.join(root, 'services/platform/main.ts')
  const failing = `import { runMain } from '${main}'; runMain(async () => { throw new Error('no such luck') })`
  const program = runProgram(t, ['--input-type=module-typescript', '--eval', failing])
  t.strictSame(await program.ended, { code: 1, signal: null })
  t.match(program.stderr(), /Error: no such luck\n\s+at /)
  t.equal(program.stdout(), '')
})
