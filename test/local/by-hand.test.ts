import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import t from 'tap'
import { startPipeline, untilUp } from './npm-start.ts'

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')

/** Returns the value that npm start printed for a shell variable. */
const printed = (text: string, name: string) => new RegExp(`^${name}=(\\S+)$`, 'm').exec(text)?.[1] ?? ''

t.test("the README's commands for uploading by hand work as printed", async t => {
  const section = /^## By hand\n(?<text>[\s\S]*?)^## /m.exec(readme)?.groups?.text ?? ''
  const [variables = '', script = '', ...more] = [...section.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(
    ([, text]) => text,
  )
  t.match(variables, /^API=.*\nTOKEN=.*\n$/)
  t.strictSame(more, [])

  const program = startPipeline(t, ['--port', '0'])
  await untilUp(t, program)
  const env = {
    PATH: process.env.PATH,
    API: printed(program.stdout(), 'API'),
    TOKEN: printed(program.stdout(), 'TOKEN'),
  }
  const cwd = t.testdir()
  const { stdout } = await promisify(execFile)('sh', ['-eu', '-c', script], { cwd, env })

  t.equal(stdout.match(/HTTP\/1\.1 200 OK\r$/gm)?.length, 5, stdout)
  const waited = /(\{"uploadId".*\})retry: /.exec(stdout)?.[1] ?? ''
  t.match(JSON.parse(waited), { filename: 'notes.txt', size: 12, status: 'processed' })
  t.match(
    stdout,
    /^event: upload\ndata: \{"uploadId".*"status":"processed".*\n\nHELLO AGAIN\nhello again\n\{"uploads":\[/m,
  )
  t.match(stdout, /HTTP\/1\.1 204 No Content\r$/m)
})
